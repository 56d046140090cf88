/** The first line: is it well? Each figure with its unit, and a colour only where somebody should look. */

import { element, setText } from "../page/element.js";
import { bytes, count, rate, seconds } from "../page/format.js";
import { between, isComparable, paceOf, quantileOf, rateOf } from "./pace.js";
import { type Snapshot, totalOf } from "./snapshot.js";

/** Beyond these, heartbeats and fan-out suffer, and a person notices. */
const LAG_WARN_S = 0.05;
const LAG_BAD_S = 0.25;

type Tone = "good" | "warn" | "bad" | "";

export interface Figure {
  readonly name: string;
  readonly text: string;
  readonly tone: Tone;
}

/** `earlier`: a snapshot of a few seconds ago, null where there is none that can be compared. Pure. */
export function figuresOf(snapshot: Snapshot, earlier: Snapshot | null): readonly Figure[] {
  const since = earlier !== null && isComparable(earlier, snapshot) ? earlier : null;
  const perSecond = (name: string) => (since === null ? "–" : rate(rateOf(since, snapshot, name)));
  const lag = since === null ? null : quantileOf(between(since, snapshot, "loop_lag_seconds"), snapshot.bounds_s, 0.99);
  const restarts = totalOf(snapshot.counters, "actor_restarts_total");
  const slow = snapshot.slow_clients.total;
  return [
    {
      name: `Bus: ${snapshot.bus.name}`,
      text: snapshot.bus.ready ? "ready" : "down",
      tone: snapshot.bus.ready ? "good" : "bad",
    },
    { name: "Connections", text: count(snapshot.connections), tone: "" },
    {
      name: "Published / s",
      text: since === null ? "–" : rate(paceOf(since, snapshot, "bus_publish_seconds")),
      tone: "",
    },
    { name: "Delivered / s", text: perSecond("ws_sent_messages_total"), tone: "" },
    { name: "Sent / s", text: since === null ? "–" : bytes(rateOf(since, snapshot, "ws_sent_bytes_total")), tone: "" },
    { name: "Loop lag p99", text: lag === null ? "–" : `≤ ${seconds(lag)}`, tone: toneOfLag(lag) },
    { name: "Slow clients", text: count(slow), tone: slow > 0 ? "warn" : "" },
    { name: "Restarts", text: count(restarts), tone: restarts > 0 ? "warn" : "" },
    { name: "Uptime", text: seconds(snapshot.uptime_s), tone: "" },
  ];
}

function toneOfLag(lag: number | null): Tone {
  if (lag === null || lag < LAG_WARN_S) return "";
  return lag < LAG_BAD_S ? "warn" : "bad";
}

export class HealthStrip {
  readonly #cells = new Map<string, HTMLElement>();

  constructor(private readonly list: HTMLElement) {}

  show(figures: readonly Figure[]): void {
    for (const { name, text, tone } of figures) {
      const cell = this.#cellOf(name);
      setText(cell, text);
      cell.className = tone;
    }
  }

  #cellOf(name: string): HTMLElement {
    const known = this.#cells.get(name);
    if (known !== undefined) return known;
    const made = element("dd");
    this.#cells.set(name, made);
    this.list.append(element("div", {}, element("dt", {}, name), made));
    return made;
  }
}
