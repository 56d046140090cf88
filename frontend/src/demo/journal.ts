/** What happened, newest first: the page's own account of each cut, expiry and return. */

import { element } from "../page/element.js";
import { clock } from "../page/format.js";

const KEPT = 8;

export type Tone = "plain" | "bad" | "good";

export class Journal {
  constructor(
    private readonly list: HTMLElement,
    private readonly empty: HTMLElement,
  ) {}

  say(text: string, tone: Tone = "plain"): void {
    this.empty.hidden = true;
    const time = element("time", {}, clock(Date.now() / 1000));
    this.list.prepend(element("li", { class: tone }, time, element("span", {}, text)));
    while (this.list.childElementCount > KEPT) this.list.lastElementChild?.remove();
  }
}
