/** Close codes in words, for people: the table of docs/protocol.md §7. Pure. */

import { CloseCode } from "../wire.js";

const MEANINGS: Readonly<Record<number, string>> = {
  [CloseCode.NORMAL]: "normal end",
  [CloseCode.GOING_AWAY]: "the page was left",
  [CloseCode.PROTOCOL_ERROR]: "broken WebSocket frame",
  1006: "broke off without a close frame",
  [CloseCode.INVALID_TEXT]: "not UTF-8",
  [CloseCode.FRAME_TOO_BIG]: "frame too big",
  [CloseCode.INTERNAL_ERROR]: "internal error of the gateway",
  [CloseCode.RESTART]: "the gateway restarts",
  [CloseCode.TRY_AGAIN_LATER]: "overloaded, try again later",
  [CloseCode.PROTOCOL_VIOLATION]: "protocol violation",
  [CloseCode.UNAUTHORIZED]: "token missing, bad, expired or revoked",
  [CloseCode.ORIGIN_FORBIDDEN]: "Origin not allowed",
  [CloseCode.NO_SIGN_OF_LIFE]: "no sign of life",
  [CloseCode.TOO_MANY]: "connection or rate limit",
  [CloseCode.SLOW_CONSUMER]: "slow consumer",
  [CloseCode.LOST_PLACE]: "the gateway lost its place on the bus",
};

/** What `code` means; of a newer gateway's codes at least the family. */
export function meaningOf(code: number): string {
  const family = code >= 4500 && code < 4600 ? "come back and resume" : "unknown code";
  return MEANINGS[code] ?? (code >= 4400 && code < 4500 ? "something has to change first" : family);
}
