/** One packet, whole: what it says of itself, its payload to be read, and buttons that copy. */

import { make, makeButton, write } from "./elements.js";
import { latencyOf, prettyOf, timeOf } from "./figures.js";
import { jsonlOf } from "./jsonl.js";
import type { FrameRow, Row } from "./rows.js";

export class Details {
  readonly element: HTMLElement;
  readonly #title = make("h2", {}, "Packet");
  readonly #hint = make("p", { class: "hint" }, "Choose a packet to read it whole.");
  readonly #facts = make("dl");
  readonly #payload = make("pre", { tabindex: 0, role: "region", "aria-label": "Payload" });
  readonly #copyPacket: HTMLButtonElement;
  readonly #copyTrace: HTMLButtonElement;
  #row: Row | null = null;

  /** `copy`: puts `text` on the clipboard, and says that it did so, of `what`. */
  constructor(copy: (text: string, what: string) => void) {
    this.#copyPacket = makeButton("Copy packet", () => this.#row && copy(jsonlOf([this.#row.packet]), "packet"));
    this.#copyTrace = makeButton("Copy trace id", () => copy(this.#traceId ?? "", "trace id"));
    const buttons = make("div", { class: "buttons" }, this.#copyPacket, this.#copyTrace);
    const parts = [this.#title, this.#hint, this.#facts, buttons, this.#payload];
    this.element = make("section", { class: "details", "aria-label": "Packet" }, ...parts);
    this.#refresh();
  }

  show(row: Row): void {
    this.#row = row;
    this.#refresh();
  }

  get #traceId(): string | null {
    return this.#row?.kind === "frame" ? this.#row.packet.id : null;
  }

  #refresh(): void {
    const row = this.#row;
    this.#hint.hidden = row !== null;
    this.#copyPacket.hidden = this.#payload.hidden = this.#facts.hidden = row === null;
    this.#copyTrace.hidden = this.#traceId === null;
    if (row === null) return;
    write(this.#title, row.kind === "frame" ? (row.packet.type ?? "Not an envelope") : row.packet.event);
    this.#payload.hidden = row.kind !== "frame";
    this.#facts.replaceChildren(
      ...facts(row).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
    );
    write(this.#payload, row.kind === "frame" ? prettyOf(row.packet.payload) : "");
  }
}

function facts(row: Row): readonly (readonly [string, string])[] {
  const time = ["time", timeOf(row.packet.time)] as const;
  if (row.kind !== "frame") return [time, ["what", row.text]];
  const { topic, seq, prev, size, id, re, truncated } = row.packet;
  const all = [
    time,
    ["topic", topic],
    ["seq", seq],
    ["prev", prev],
    ["size", `${size} B${truncated ? ", of which 4,096 characters were kept" : ""}`],
    ["latency", latencyFact(row)],
    ["trace id", id],
    ["answers", re],
  ] as const;
  return all.flatMap(([name, value]) => (value === null ? [] : [[name, String(value)] as const]));
}

function latencyFact({ packet, latencyMs }: FrameRow): string | null {
  if (packet.dir === "out" || packet.ts === null) return null;
  if (latencyMs === null) return "replayed from history";
  return `${latencyOf(latencyMs)}, as far as the clocks agree`;
}
