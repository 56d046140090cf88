/** What of a histogram is drawn, and under which names. Pure. */

import { seconds } from "../page/format.js";
import type { Histogram } from "./snapshot.js";

/** The indices of the buckets from the first to the last that anything is in, with one empty one on each side. */
export function rangeOf(histograms: readonly Histogram[]): readonly [number, number] | null {
  const used = (histograms[0]?.counts ?? []).flatMap((_, at) =>
    histograms.some(({ counts }) => (counts[at] ?? 0) > 0) ? [at] : [],
  );
  const [first, last] = [used[0], used.at(-1)];
  if (first === undefined || last === undefined) return null;
  const end = (histograms[0]?.counts.length ?? 1) - 1;
  return [Math.max(0, first - 1), Math.min(end, last + 1)];
}

/** Each bucket's share of all observations, in percent: two histograms of different size fit one drawing. */
export function sharesOf({ counts, count }: Histogram, [from, to]: readonly [number, number]): number[] {
  return counts.slice(from, to + 1).map((value) => (count > 0 ? (100 * value) / count : 0));
}

/** `10 ms`, and `> 10 s` for the bucket beyond all bounds. */
export function labelOf(bounds: readonly number[], at: number): string {
  const bound = bounds[at];
  return bound === undefined ? `> ${seconds(bounds.at(-1) ?? 0)}` : seconds(bound);
}
