/** The last 100 lines that somebody should have read, newest first, by level. Owns what is chosen. */

import { element, setText } from "../page/element.js";
import { clock, counted } from "../page/format.js";
import type { OddEvent, Snapshot } from "./snapshot.js";

const NAMES = ["actor", "client", "user", "topic", "trace_id"] as const;

/** Two lines may be the same but for their place in the row of all that there ever were. Pure. */
export function numbered({
  events,
  fell_out,
}: Snapshot["odd_events"]): { readonly number: number; readonly event: OddEvent }[] {
  return events.map((event, at) => ({ number: fell_out + at, event })).reverse();
}

/** `level` is the least: with `error`, warnings are left out. Pure. */
export function isShown({ level }: OddEvent, least: string): boolean {
  return least !== "error" || level === "error" || level === "critical";
}

export class OddEvents {
  readonly #rows = new Map<number, HTMLElement>();
  #last: Snapshot["odd_events"] = { events: [], fell_out: 0 };

  constructor(
    private readonly list: HTMLElement,
    private readonly level: HTMLSelectElement,
    private readonly count: HTMLElement,
    private readonly empty: HTMLElement,
  ) {
    level.addEventListener("change", () => this.show(this.#last));
  }

  show(odd: Snapshot["odd_events"]): void {
    // A gateway that began anew counts from zero: what was shown is not what is meant by these numbers.
    if (odd.fell_out + odd.events.length < this.#last.fell_out + this.#last.events.length) this.#rows.clear();
    this.#last = odd;
    const shown = numbered(odd).filter(({ event }) => isShown(event, this.level.value));
    const nodes = shown.map(({ number, event }) => this.#rowOf(number, event));
    if (nodes.some((node, at) => this.list.children[at] !== node) || this.list.children.length !== nodes.length)
      this.list.replaceChildren(...nodes);
    for (const number of this.#rows.keys()) if (number < odd.fell_out) this.#rows.delete(number);
    const older = odd.fell_out === 0 ? "" : `, ${odd.fell_out} older ones fell out`;
    setText(this.count, `${counted(shown.length, "event")}${older}`);
    this.empty.hidden = shown.length > 0;
  }

  #rowOf(number: number, event: OddEvent): HTMLElement {
    const known = this.#rows.get(number);
    if (known !== undefined) return known;
    const facts = NAMES.flatMap((name) =>
      event[name] === undefined ? [] : [element("span", {}, `${name} `, element("code", {}, event[name]))],
    );
    const row = element(
      "li",
      { "data-level": event.level },
      element("time", {}, clock(event.time)),
      element("span", { class: "level" }, event.level),
      element(
        "div",
        { class: "message" },
        event.message,
        element("div", { class: "facts" }, element("span", {}, event.logger), ...facts),
      ),
    );
    this.#rows.set(number, row);
    return row;
  }
}
