/** One policy on the page: a strip in which each message of the series has its place, and what came of it. */

import { drawing, element, setText } from "../page/element.js";
import { count } from "../page/format.js";
import { type Policy, type Tally, verdictOf } from "./tally.js";

const PROMISES: Record<Policy, string> = {
  disconnect: "Hang up on the slow tab. It comes back and resumes.",
  catch_up: "Stay connected, forget what waits, refill from history.",
  drop_oldest: "Lose the oldest, and announce each loss.",
  latest: "Keep only the newest value.",
};

/** The strip's path: one upright stroke for each run of messages that arrived. Pure. */
export function strokesOf(arrived: Uint8Array): string {
  const strokes: string[] = [];
  for (let at = 0; at < arrived.length; at += 1) if (arrived[at] === 1) strokes.push(`M${at + 0.5} 0V1`);
  return strokes.join("");
}

export class Lane {
  readonly node: HTMLElement;
  readonly #path = drawing("path", { class: "arrived" });
  readonly #figure = element("span", { class: "figure" }, "not tried yet");
  readonly #verdict = element("p", { class: "verdict" });

  constructor(
    private readonly policy: Policy,
    total: number,
  ) {
    const strip = drawing("svg", {
      class: "strip",
      viewBox: `0 0 ${total} 1`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    strip.append(this.#path);
    this.node = element("li", { class: "lane", "data-policy": policy });
    const head = element("div", { class: "lane-head" }, element("code", {}, policy), this.#figure);
    this.node.append(head, strip, element("p", { class: "promise" }, PROMISES[policy]), this.#verdict);
  }

  begin(): void {
    this.node.dataset.state = "running";
    setText(this.#verdict, "");
  }

  show(arrived: Uint8Array, { received, total }: Tally): void {
    this.#path.setAttribute("d", strokesOf(arrived));
    setText(this.#figure, `${count(received)} of ${count(total)}`);
  }

  end(tally: Tally): void {
    this.node.dataset.state = "done";
    setText(this.#verdict, verdictOf(this.policy, tally));
  }
}
