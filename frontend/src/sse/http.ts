/** The requests beside a stream of events: it cannot speak, so what it has to ask goes by plain HTTP. */

import type { LinkRequest } from "../client/transport.js";
import { CloseCode } from "../wire.js";

/** Where a topic's stream begins; `isLost`: the place that was asked for is gone, and live messages follow this one. */
export interface Start {
  readonly seq: number | null;
  readonly isLost?: boolean;
}

/** How a link ends, as a close frame would say it. */
export interface End {
  readonly code: number;
  readonly reason: string;
}

export const BROKEN_OFF = 1006;

const CODES: Record<number, number> = {
  401: CloseCode.UNAUTHORIZED,
  403: CloseCode.ORIGIN_FORBIDDEN,
  429: CloseCode.TOO_MANY,
  503: CloseCode.TRY_AGAIN_LATER,
};

export function authorization(token: string | null): Record<string, string> {
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** The position that an `id` or `"earliest"` stands for; null where the stream itself has to say what is wrong. Throws where the gateway cannot say. */
export async function startAt(request: LinkRequest, topic: string, since: string): Promise<Start> {
  const answer = await page(request, topic, since);
  // Not what this topic is, but that nobody can say now: to begin at "now" instead would be a silent loss.
  if (answer.status >= 429) throw new Error(`HTTP ${answer.status}`);
  const { messages, seq = null } = await answer.json();
  return { seq: messages?.[0]?.prev ?? seq, isLost: answer.status === 410 };
}

/** Why a stream did not open, which an EventSource keeps to itself: the same token and Origin on another route. */
export async function whyRefused(request: LinkRequest, topic: string): Promise<End> {
  try {
    const { status, headers } = await page(request, topic, "earliest");
    return { code: CODES[status] ?? BROKEN_OFF, reason: `HTTP ${status} retry_after=${headers.get("Retry-After")}` };
  } catch {
    return { code: BROKEN_OFF, reason: "the gateway cannot be reached" };
  }
}

function page({ addresses, token }: LinkRequest, topic: string, after: string): Promise<Response> {
  const query = new URLSearchParams({ topic, after, limit: "1" });
  return fetch(`${addresses.replay}?${query}`, { headers: authorization(token) });
}
