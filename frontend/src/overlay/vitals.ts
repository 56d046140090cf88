/** How the connection is: its state, how far behind the gateway sees this tab, and how long the last messages took. */

import type { Status } from "../client/status.js";
import type { MailboxState } from "../wire.js";
import { make, makeSvg, write } from "./elements.js";
import { latencyOf } from "./figures.js";
import { figuresOf, pointsOf } from "./latency.js";

const WIDTH = 120;
const HEIGHT = 18;
const CLOCKS = "From the gateway's ts to the arrival here: the two clocks may differ.";

export class Vitals {
  readonly element: HTMLElement;
  readonly #state = make("span", { class: "state" });
  readonly #mailbox = make("span", { class: "mailbox", title: "As the gateway said in its last ping" });
  readonly #latency = make("span", { class: "latency", title: CLOCKS });
  readonly #line = makeSvg("polyline", { points: "" });
  readonly #drawing = makeSvg("svg", { role: "img", viewBox: `-1 -2 ${WIDTH + 2} ${HEIGHT + 4}` }, this.#line);

  constructor() {
    const children = [this.#state, this.#mailbox, this.#drawing, this.#latency];
    this.element = make("div", { class: "vitals", role: "group", "aria-label": "Connection" }, ...children);
  }

  render({ state, transport }: Status, mailbox: MailboxState | null, latenciesMs: readonly number[]): void {
    this.#state.dataset.state = state;
    write(this.#state, transport === undefined ? state : `${state}, ${transport}`);
    write(this.#mailbox, mailboxText(mailbox));
    const text = latencyText(latenciesMs);
    write(this.#latency, text);
    this.#line.setAttribute("points", pointsOf(latenciesMs, WIDTH, HEIGHT));
    this.#drawing.setAttribute("aria-label", `${text}. ${CLOCKS}`);
  }
}

function mailboxText(mailbox: MailboxState | null): string {
  if (mailbox === null) return "mailbox: no ping yet";
  const { depth, high_water: most, dropped } = mailbox;
  return `mailbox ${depth} · at most ${most} · ${dropped} dropped`;
}

function latencyText(latenciesMs: readonly number[]): string {
  const figures = figuresOf(latenciesMs);
  if (figures === null) return "latency: no message yet";
  const { newestMs, medianMs, worstMs } = figures;
  return `latency ${latencyOf(newestMs)} · median ${latencyOf(medianMs)} · worst ${latencyOf(worstMs)}`;
}
