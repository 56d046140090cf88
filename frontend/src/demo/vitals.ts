/** host:vitals as four figures with a minute of sparkline each; owns the last readings. */

import { drawing, element, setText } from "../page/element.js";
import { bytes, count, seconds } from "../page/format.js";

const READINGS = 60;

interface Data {
  readonly cpu_percent: number;
  readonly memory: { readonly percent: number; readonly used_bytes: number; readonly total_bytes: number };
  readonly gateway: {
    readonly cpu_percent: number;
    readonly rss_bytes: number;
    readonly loop_lag_ms: number;
    readonly connections: number;
  };
}

interface FigureKind {
  readonly name: string;
  readonly value: (data: Data) => number;
  readonly text: (data: Data) => string;
  /** The value at the strip's upper edge; the largest one seen where it is not given. */
  readonly top?: number;
}

const FIGURES: readonly FigureKind[] = [
  { name: "CPU", value: (d) => d.cpu_percent, text: (d) => `${Math.round(d.cpu_percent)} %`, top: 100 },
  { name: "Memory", value: (d) => d.memory.percent, text: (d) => bytes(d.memory.used_bytes), top: 100 },
  {
    name: "Loop lag",
    value: (d) => d.gateway.loop_lag_ms,
    text: (d) => seconds(d.gateway.loop_lag_ms / 1000),
  },
  { name: "Connections", value: (d) => d.gateway.connections, text: (d) => count(d.gateway.connections) },
];

/** The points of a line that new readings enter at the right edge; y grows downwards. Pure. */
export function pointsOf(readings: readonly number[], top: number): string {
  const first = READINGS - readings.length;
  return readings.map((value, at) => `${first + at},${(96 - 92 * Math.min(1, value / top)).toFixed(1)}`).join(" ");
}

export class Vitals {
  readonly #figures: readonly Figure[];

  constructor(
    list: HTMLElement,
    private readonly empty: HTMLElement,
  ) {
    this.#figures = FIGURES.map((kind) => new Figure(kind));
    list.append(...this.#figures.map(({ node }) => node));
  }

  show(data: unknown): void {
    this.empty.hidden = true;
    for (const figure of this.#figures) figure.show(data as Data);
  }
}

class Figure {
  readonly node = element("div", { class: "figure", hidden: "" });
  readonly #value = element("dd");
  readonly #line = drawing("polyline");
  readonly #readings: number[] = [];

  constructor(private readonly kind: FigureKind) {
    const strip = drawing("svg", {
      viewBox: `0 0 ${READINGS - 1} 100`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    strip.append(this.#line);
    this.node.append(element("dt", {}, kind.name), this.#value, strip);
  }

  show(data: Data): void {
    this.node.hidden = false;
    setText(this.#value, this.kind.text(data));
    this.#readings.push(this.kind.value(data));
    if (this.#readings.length > READINGS) this.#readings.shift();
    const top = this.kind.top ?? Math.max(1, ...this.#readings);
    this.#line.setAttribute("points", pointsOf(this.#readings, top));
  }
}
