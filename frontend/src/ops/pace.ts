/** What happened between two snapshots: rates from counts, and the histogram of just that time. Pure. */

import { type Histogram, histogramOf, type Snapshot, totalOf } from "./snapshot.js";

/** `earlier` and `later` are of one process, and of two moments: only then is there something to divide by. */
export function isComparable(earlier: Snapshot, later: Snapshot): boolean {
  return later.pid === earlier.pid && later.time > earlier.time && later.uptime_s >= earlier.uptime_s;
}

/** Of a counter, per second. */
export function rateOf(earlier: Snapshot, later: Snapshot, name: string): number {
  const seconds = later.time - earlier.time;
  return (totalOf(later.counters, name) - totalOf(earlier.counters, name)) / seconds;
}

/** Of a histogram's observations, per second. */
export function paceOf(earlier: Snapshot, later: Snapshot, name: string): number {
  return (histogramOf(later, name).count - histogramOf(earlier, name).count) / (later.time - earlier.time);
}

/** What was observed after `earlier`. */
export function between(earlier: Snapshot, later: Snapshot, name: string): Histogram {
  const [before, after] = [histogramOf(earlier, name), histogramOf(later, name)];
  return {
    counts: after.counts.map((value, at) => value - (before.counts[at] ?? 0)),
    count: after.count - before.count,
    total_s: after.total_s - before.total_s,
  };
}

/**
 * The bound of the bucket in which the `share`-th observation lies, in seconds: at most that. Null where there is none;
 * Infinity where it is beyond the last bound.
 */
export function quantileOf({ counts, count }: Histogram, bounds: readonly number[], share: number): number | null {
  if (count <= 0) return null;
  let below = 0;
  for (const [at, inBucket] of counts.entries()) {
    below += inBucket;
    if (below >= share * count) return bounds[at] ?? Number.POSITIVE_INFINITY;
  }
  return Number.POSITIVE_INFINITY;
}
