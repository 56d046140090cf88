/** The edge at which the panel is made higher or lower, by pointer or by keys. Owns the panel's height. */

import { make } from "./elements.js";

const LEAST_PX = 180;
const STEP_PX = 32;

export class Dock {
  readonly edge = make("div", {
    class: "edge",
    role: "separator",
    tabindex: 0,
    "aria-orientation": "horizontal",
    "aria-label": "Height of the panel",
    "aria-valuemin": LEAST_PX,
  });
  #height = 0;

  constructor(private readonly panel: HTMLElement) {
    this.edge.addEventListener("keydown", (event) => this.#pressed(event));
    this.edge.addEventListener("pointerdown", ({ pointerId }) => this.edge.setPointerCapture(pointerId));
    this.edge.addEventListener("pointermove", ({ pointerId, clientY }) => {
      if (this.edge.hasPointerCapture(pointerId)) this.resize(innerHeight - clientY);
    });
  }

  /** To `height` in CSS pixels, as far as the window has room; not quite half of the window, where nobody has said. */
  resize(height = this.#height || innerHeight * 0.45): void {
    const most = Math.max(LEAST_PX, innerHeight - 48);
    this.#height = Math.round(Math.min(Math.max(height, LEAST_PX), most));
    this.panel.style.height = `${this.#height}px`;
    this.edge.setAttribute("aria-valuemax", String(most));
    this.edge.setAttribute("aria-valuenow", String(this.#height));
    this.edge.setAttribute("aria-valuetext", `${this.#height} pixels`);
  }

  #pressed(event: KeyboardEvent): void {
    const heights: { readonly [key: string]: number } = {
      ArrowUp: this.#height + STEP_PX,
      ArrowDown: this.#height - STEP_PX,
      Home: LEAST_PX,
      End: innerHeight,
    };
    const height = heights[event.key];
    if (height === undefined) return;
    event.preventDefault();
    this.resize(height);
  }
}
