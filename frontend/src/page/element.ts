/** Elements without markup: what a publisher writes is text on these pages and can never become anything else. */

export type Child = Node | string;

export interface Attributes {
  readonly class?: string | undefined;
  readonly [name: string]: string | undefined;
}

/** A new element; attributes that are undefined are left out. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  setAll(made, attributes);
  made.append(...children);
  return made;
}

/** The same for the drawings: SVG has a namespace of its own. */
export function drawing<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAll(made, attributes);
  return made;
}

/** The element of the page's own HTML with that id. Throws: Error where page and script do not fit. */
export function found<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const there = document.getElementById(id);
  if (!(there instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return there;
}

/** Writes only what is new: a text node that is set anew loses the reader's selection. */
export function setText(where: Element, text: string): void {
  if (where.textContent !== text) where.textContent = text;
}

function setAll(made: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
}
