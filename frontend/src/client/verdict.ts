/** What a close code means for whoever was closed: the table of docs/protocol.md §7. Pure. */

import { CloseCode } from "../wire.js";

export type Verdict =
  /** Coming back would change nothing. */
  | { readonly kind: "stop" }
  /** Come back only with another token. */
  | { readonly kind: "new_token" }
  /** Come back and resume; `atOnce`: the first time without waiting, and not before `atLeastMs` have passed. */
  | { readonly kind: "retry"; readonly atOnce: boolean; readonly atLeastMs: number };

const STOP: ReadonlySet<number> = new Set([
  CloseCode.NORMAL,
  CloseCode.GOING_AWAY,
  CloseCode.PROTOCOL_ERROR,
  CloseCode.INVALID_TEXT,
  CloseCode.FRAME_TOO_BIG,
  CloseCode.PROTOCOL_VIOLATION,
  CloseCode.ORIGIN_FORBIDDEN,
]);

const AT_ONCE: ReadonlySet<number> = new Set([CloseCode.SLOW_CONSUMER, CloseCode.LOST_PLACE]);
const RETRY_44XX: ReadonlySet<number> = new Set([CloseCode.NO_SIGN_OF_LIFE, CloseCode.TOO_MANY]);

/** The verdict on `code`; `reason` is read for the `retry_after=<seconds>` in which a 4429 and a 1013 end. */
export function verdictOf(code: number, reason: string): Verdict {
  if (code === CloseCode.UNAUTHORIZED) return { kind: "new_token" };
  // A code of a newer gateway: 44xx means that something has to change first.
  const unknown44xx = code >= 4400 && code < 4500 && !RETRY_44XX.has(code);
  if (STOP.has(code) || unknown44xx) return { kind: "stop" };
  const seconds = /\bretry_after=(\d{1,6})\b/.exec(reason)?.[1];
  return { kind: "retry", atOnce: AT_ONCE.has(code), atLeastMs: Number(seconds ?? 0) * 1000 };
}
