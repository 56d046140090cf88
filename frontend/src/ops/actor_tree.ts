/** The supervision tree: who runs, how deep each mailbox is, who was restarted how often. Owns one line per actor. */

import { element, setText } from "../page/element.js";
import { counted } from "../page/format.js";
import { depthBar } from "./depth_bar.js";
import type { Actor, Branch } from "./snapshot.js";

interface Line {
  readonly node: HTMLElement;
  readonly name: HTMLElement;
  readonly about: HTMLElement;
  readonly depth: HTMLElement;
  readonly below: HTMLElement;
}

/** What a line says beside the name. Pure. */
export function aboutOf(actor: Actor): string {
  const said = [];
  if (!actor.running) said.push("waits for its restart");
  if (actor.restarts > 0) said.push(`restarted ${times(actor.restarts)}`);
  if (actor.kind !== "supervisor") return said.join(", ");
  said.push(actor.children === 1 ? "1 child" : `${actor.children} children`);
  if (actor.child_failures > 0) said.push(counted(actor.child_failures, "failure"));
  if (actor.child_restarts > 0) said.push(counted(actor.child_restarts, "restart"));
  const hidden = actor.children - actor.shown.length;
  if (hidden > 0) said.push(`${hidden} not shown`);
  return said.join(", ");
}

function times(number: number): string {
  return number === 1 ? "once" : `${number} times`;
}

export class ActorTree {
  readonly #lines = new Map<string, Line>();

  constructor(private readonly list: HTMLElement) {}

  show(root: Branch): void {
    const seen = new Set<string>();
    this.#arrange(this.list, [root], "", seen);
    for (const key of [...this.#lines.keys()]) if (!seen.has(key)) this.#lines.delete(key);
  }

  #arrange(list: HTMLElement, actors: readonly Actor[], path: string, seen: Set<string>): void {
    const nodes = actors.map((actor) => {
      const key = `${path}/${actor.kind} ${actor.name}`;
      seen.add(key);
      const line = this.#lineOf(key, actor);
      this.#fill(line, actor);
      if (actor.kind === "supervisor") this.#arrange(line.below, actor.shown, key, seen);
      return line.node;
    });
    nodes.forEach((node, at) => {
      if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
    });
    while (list.children.length > nodes.length) list.lastElementChild?.remove();
  }

  #lineOf(key: string, actor: Actor): Line {
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const name = element("span", { class: "name" }, actor.name);
    const about = element("span", { class: "about" });
    const depth = element("span", { class: "depth-place" });
    const kind = element("span", { class: "kind" }, actor.kind);
    const below = element("ul");
    const node = element(
      "li",
      { "data-kind": actor.kind },
      element("div", { class: "line" }, kind, name, about, depth),
    );
    if (actor.kind === "supervisor") node.append(below);
    const line = { node, name, about, depth, below };
    this.#lines.set(key, line);
    return line;
  }

  #fill({ node, about, depth }: Line, actor: Actor): void {
    setText(about, aboutOf(actor));
    node.dataset.state = actor.running ? (actor.restarts > 0 ? "restarted" : "running") : "down";
    if (actor.kind !== "supervisor" && actor.depth !== null && actor.bound !== null)
      depth.replaceChildren(depthBar(actor.depth, actor.bound, actor.high_water));
  }
}
