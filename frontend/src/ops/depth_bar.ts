/** How full a mailbox is: a bar with the highest it ever was as a mark, and the numbers beside it. */

import { drawing, element } from "../page/element.js";
import { count } from "../page/format.js";

const WIDTH = 100;

/** `calm` up to half, `filling` up to nine tenths, `full` above. Pure. */
export function fillOf(depth: number, bound: number): "calm" | "filling" | "full" {
  const share = bound > 0 ? depth / bound : 0;
  return share > 0.9 ? "full" : share > 0.5 ? "filling" : "calm";
}

/** Where on the bar that many messages are; whatever is not empty can be seen. Pure. */
export function widthOf(messages: number, bound: number): number {
  const share = bound > 0 ? Math.min(1, messages / bound) : 0;
  return messages > 0 ? Math.max(1.5, share * WIDTH) : 0;
}

export function depthBar(depth: number, bound: number, highWater: number | null, unit = count): HTMLElement {
  const bar = drawing("svg", {
    class: `depth ${fillOf(depth, bound)}`,
    viewBox: `0 0 ${WIDTH} 6`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  bar.append(drawing("rect", { class: "room", width: String(WIDTH), height: "6" }));
  bar.append(drawing("rect", { class: "waiting", width: widthOf(depth, bound).toFixed(1), height: "6" }));
  if (highWater !== null && highWater > depth) {
    const x = Math.min(WIDTH - 1, widthOf(highWater, bound)).toFixed(1);
    bar.append(drawing("rect", { class: "peak", x, width: "1", height: "6" }));
  }
  const text = element("span", { class: "depth-text" }, `${unit(depth)} / ${unit(bound)}`);
  return element("span", { class: "depth-cell" }, bar, text);
}
