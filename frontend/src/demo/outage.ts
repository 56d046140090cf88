/** From one connection to the next: what ended it, how long it took, what was replayed. Pure. */

import type { Packet } from "../client/packets.js";
import type { Status } from "../client/status.js";
import { counted, seconds } from "../page/format.js";
import type { Totals } from "./account.js";

export interface Recovery {
  readonly replayed: number;
  /** The gateway could resume every topic. */
  readonly recovered: boolean;
}

/** What the gateway's `subscribed` says; null for every other packet. */
export function recoveryIn(packet: Packet): Recovery | null {
  if (packet.dir !== "in" || packet.type !== "subscribed") return null;
  const topics = Object.values(topicsIn(packet.payload));
  return {
    replayed: topics.reduce((sum, topic) => sum + (topic.replayed ?? 0), 0),
    recovered: topics.every((topic) => topic.recovered !== false),
  };
}

interface Joined {
  readonly replayed?: number;
  readonly recovered?: boolean;
}

function topicsIn(payload: string): Record<string, Joined> {
  try {
    const frame: { readonly data?: { readonly topics?: Record<string, Joined> } } = JSON.parse(payload);
    return frame.data?.topics ?? {};
  } catch {
    // A packet that was cut for its length: then nothing is claimed.
    return {};
  }
}

/** What ended a connection, for people. */
export function endingOf({ code, message }: Status): string {
  const what = code === undefined ? "Disconnected" : `Closed ${code}`;
  return message ? `${what}: ${message}` : what;
}

/** What a resume came to; `before` and `after`: the page's own books around the outage. */
export function outcomeOf(awayMs: number, { replayed, recovered }: Recovery, before: Totals, after: Totals): string {
  const gaps = after.gaps - before.gaps;
  const twice = after.duplicates - before.duplicates;
  const back = `Resumed after ${seconds(awayMs / 1000)}, ${counted(replayed, "message")} replayed`;
  if (!recovered) return `${back}. The gateway no longer has all that was missed, and says so.`;
  if (gaps === 0 && twice === 0) return `${back}. Nothing lost: 0 gaps, 0 duplicates.`;
  return `${back}. ${counted(gaps, "gap")}, ${counted(twice, "duplicate")}.`;
}
