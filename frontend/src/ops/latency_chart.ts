/** Two histograms as one drawing: how long a round of fan-out takes, and the way from publish to socket. Owns the uPlot. */

import uPlot from "uplot";
import { labelOf, rangeOf, sharesOf } from "./latency_chart_ranges.js";
import type { Histogram } from "./snapshot.js";

const HEIGHT_PX = 190;
const NARROWEST_PX = 200;

export class LatencyChart {
  #plot: uPlot | null = null;
  #labels: string[] = [];

  constructor(
    private readonly place: HTMLElement,
    private readonly names: readonly [string, string],
  ) {
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(place);
    // Axes and lines take their colours from the stylesheet when they are drawn.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot?.redraw(false, true));
  }

  show(histograms: readonly [Histogram, Histogram], bounds: readonly number[]): void {
    const range = rangeOf(histograms) ?? [12, 24];
    this.#labels = Array.from({ length: range[1] - range[0] + 1 }, (_, at) => labelOf(bounds, range[0] + at));
    const data: uPlot.AlignedData = [
      this.#labels.map((_, at) => at),
      sharesOf(histograms[0], range),
      sharesOf(histograms[1], range),
    ];
    this.#plot ??= this.#made(data);
    this.#plot.setData(data);
  }

  #made(data: uPlot.AlignedData): uPlot {
    const text = { stroke: () => this.#colour("--soft"), font: "12px system-ui, sans-serif" };
    const grid = { stroke: () => this.#colour("--line"), width: 1 };
    const options: uPlot.Options = {
      ...this.#size(),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: (_, min, max) => [min - 0.6, max + 0.6] },
        y: { range: (_, __, max) => [0, Math.max(10, max * 1.1)] },
      },
      axes: [
        {
          ...text,
          grid: { show: false },
          ticks: { show: false },
          space: 60,
          size: 30,
          incrs: [1, 2, 3, 4, 5, 6, 8, 10],
          values: (_, splits) => splits.map((at) => this.#labels[at] ?? ""),
        },
        { ...text, grid, ticks: { show: false }, size: 46, values: (_, splits) => splits.map((share) => `${share} %`) },
      ],
      series: [{}, this.#bars(this.names[0], "--accent-strong", -1), this.#bars(this.names[1], "--second", 1)],
    };
    return new uPlot(options, data, this.place);
  }

  /** Side by side: one to the left of the bucket's middle, one to the right. */
  #bars(label: string, colour: string, align: -1 | 1): uPlot.Series {
    const paths = uPlot.paths.bars?.({ size: [0.4, 40], align, gap: 1 });
    const fill = () => this.#colour(colour);
    return { label, fill, stroke: fill, width: 0, points: { show: false }, ...(paths ? { paths } : {}) };
  }

  #size(): { width: number; height: number } {
    return { width: Math.max(NARROWEST_PX, this.place.clientWidth), height: HEIGHT_PX };
  }

  #colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }
}
