/** What became of a numbered series for one reader, and the sentence that says it. Pure. */

import { count, counted } from "../page/format.js";

export const POLICIES = ["disconnect", "catch_up", "drop_oldest", "latest"] as const;
export type Policy = (typeof POLICIES)[number];

export interface Tally {
  /** How many messages the series has. */
  readonly total: number;
  /** Different ones that arrived. */
  readonly received: number;
  readonly duplicates: number;
  /** Lost by the gateway's own word: the sum of its `gap` frames. */
  readonly announced: number;
  /** Close codes, in order. */
  readonly closes: readonly number[];
  readonly replayed: number;
  /** The last message of the series is there. */
  readonly isComplete: boolean;
}

export function verdictOf(policy: Policy, tally: Tally): string {
  const missing = tally.total - tally.received;
  const twice = tally.duplicates === 0 ? "" : ` ${counted(tally.duplicates, "message")} came twice.`;
  return (
    { disconnect: disconnected, catch_up: caughtUp, drop_oldest: dropped, latest: superseded }[policy](tally, missing) +
    twice
  );
}

function disconnected({ closes, replayed, total }: Tally, missing: number): string {
  if (closes.length === 0) return `Its mailbox never filled: ${kept(total, missing)}`;
  return `Closed ${closes.join(", ")}, came back, ${count(replayed)} replayed: ${kept(total, missing)}`;
}

function caughtUp({ total }: Tally, missing: number): string {
  return `Stayed connected and was refilled from history: ${kept(total, missing)}`;
}

function dropped({ announced }: Tally, missing: number): string {
  if (missing === 0) return "Its mailbox never filled: nothing was lost.";
  const told = announced === missing ? "each one announced" : `${count(announced)} of them announced`;
  return `Lost ${counted(missing, "old message")}, ${told} in its place.`;
}

function superseded({ isComplete }: Tally, missing: number): string {
  if (missing === 0) return "Its mailbox never filled: it saw every value.";
  return `Skipped ${counted(missing, "stale value")}${isComplete ? " and has the newest." : "."}`;
}

function kept(total: number, missing: number): string {
  return missing === 0 ? `nothing lost, all ${count(total)} in order.` : `${counted(missing, "message")} missing.`;
}
