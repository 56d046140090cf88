/** The filter and the buttons above the table. Owns nothing but its elements: what they say is asked for, and done elsewhere. */

import { make, makeButton, write } from "./elements.js";
import { type Filter, readFilter } from "./filter.js";
import type { View } from "./recording.js";

export interface ToolbarActions {
  filter(filter: Filter): void;
  toggleControl(): void;
  togglePause(): void;
  clear(): void;
  copyShown(): void;
  exportAll(): void;
}

export class Toolbar {
  readonly element: HTMLElement;
  readonly #field = make("input", {
    type: "search",
    placeholder: "Filter: words or /regex/i",
    "aria-label": "Filter packets, by words or a /regular expression/",
    "aria-describedby": "flaw",
    autocomplete: "off",
    spellcheck: "false",
  });
  readonly #flaw = make("span", { id: "flaw", class: "flaw", role: "status" });
  readonly #said = make("span", { class: "said", role: "status" });
  readonly #control: HTMLButtonElement;
  readonly #pause: HTMLButtonElement;

  constructor(private readonly actions: ToolbarActions) {
    this.#control = makeButton("Control", () => actions.toggleControl(), { class: "control" });
    this.#pause = makeButton("Pause", () => actions.togglePause(), { class: "pause" });
    const others = [
      makeButton("Clear", () => actions.clear()),
      makeButton("Copy shown", () => actions.copyShown()),
      makeButton("Export JSONL", () => actions.exportAll()),
    ];
    this.#field.addEventListener("input", () => this.#typed());
    const children = [this.#field, this.#flaw, this.#control, this.#pause, ...others, this.#said];
    this.element = make("div", { class: "toolbar", role: "group", "aria-label": "Packets" }, ...children);
  }

  focus(): void {
    this.#field.focus();
  }

  render({ controlHidden, cameMeanwhile }: View, showsControl: boolean, isPaused: boolean): void {
    write(this.#control, controlHidden > 0 ? `Control frames (${controlHidden} hidden)` : "Control frames");
    this.#control.setAttribute("aria-pressed", String(showsControl));
    write(this.#pause, isPaused ? `Paused (${cameMeanwhile} new)` : "Pause");
    this.#pause.setAttribute("aria-pressed", String(isPaused));
  }

  /** What has been done, for eyes and ears; until the next thing is done. */
  say(text: string): void {
    // Emptied first: the same words twice are two things done.
    this.#said.textContent = "";
    requestAnimationFrame(() => write(this.#said, text));
  }

  #typed(): void {
    const { filter, flaw } = readFilter(this.#field.value);
    this.#field.setAttribute("aria-invalid", String(flaw !== null));
    write(this.#flaw, flaw ?? "");
    if (filter !== null) this.actions.filter(filter);
  }
}
