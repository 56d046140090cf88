/** The latency line: the last arrivals as points of a small drawing, and the three figures beside it. Pure. */

export const POINTS = 60;

export interface LatencyFigures {
  readonly newestMs: number;
  readonly medianMs: number;
  readonly worstMs: number;
}

/** `x,y` for an SVG polyline of `width` × `height`, the newest at the right; the scale reaches from the least to the greatest. */
export function pointsOf(latenciesMs: readonly number[], width: number, height: number): string {
  const shown = latenciesMs.slice(-POINTS);
  const least = Math.min(...shown);
  const span = Math.max(...shown) - least || 1;
  const first = POINTS - shown.length;
  const x = (index: number) => ((first + index) * width) / (POINTS - 1);
  const y = (ms: number) => height - ((ms - least) * height) / span;
  return shown.map((ms, index) => `${x(index).toFixed(1)},${y(ms).toFixed(1)}`).join(" ");
}

/** Of the latencies that the line shows; null where there are none. */
export function figuresOf(latenciesMs: readonly number[]): LatencyFigures | null {
  const shown = latenciesMs.slice(-POINTS);
  const newestMs = shown.at(-1);
  if (newestMs === undefined) return null;
  const sorted = [...shown].sort((a, b) => a - b);
  const medianMs = sorted[Math.floor((sorted.length - 1) / 2)] ?? newestMs;
  return { newestMs, medianMs, worstMs: sorted.at(-1) ?? newestMs };
}
