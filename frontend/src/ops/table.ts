/**
 * A table whose rows keep their elements from one second to the next: what is selected or focused stays so, and rows of the
 * same key change their text and not their place in the document unless the order really is another.
 */

import { type Child, element } from "../page/element.js";

export interface Column<Row> {
  readonly title: string;
  /** `number`: to the right, in figures of equal width. */
  readonly kind?: "number" | "code";
  readonly cell: (row: Row) => string | Child[];
}

export class Table<Row> {
  readonly node: HTMLElement;
  readonly #body = element("tbody");
  readonly #rows = new Map<string, HTMLTableRowElement>();
  readonly #empty: HTMLElement;

  constructor(
    caption: string,
    private readonly columns: readonly Column<Row>[],
    private readonly keyOf: (row: Row) => string,
    empty: string,
  ) {
    const heads = columns.map(({ title, kind }) => element("th", { scope: "col", class: kind }, title));
    const table = element("table", {}, element("caption", { class: "visually-hidden" }, caption));
    table.append(element("thead", {}, element("tr", {}, ...heads)), this.#body);
    this.#empty = element("p", { class: "empty" }, empty);
    this.node = element(
      "div",
      { class: "table", role: "region", tabindex: "0", "aria-label": `Table: ${caption}` },
      table,
      this.#empty,
    );
  }

  show(rows: readonly Row[]): void {
    const keys = new Set(rows.map(this.keyOf));
    for (const [key, old] of this.#rows) if (!keys.has(key)) this.#remove(key, old);
    rows.forEach((row, at) => {
      const line = this.#lineOf(this.keyOf(row));
      this.#fill(line, row);
      if (this.#body.children[at] !== line) this.#body.insertBefore(line, this.#body.children[at] ?? null);
    });
    this.#empty.hidden = rows.length > 0;
  }

  #remove(key: string, line: HTMLTableRowElement): void {
    line.remove();
    this.#rows.delete(key);
  }

  #lineOf(key: string): HTMLTableRowElement {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const made = element("tr", {}, ...this.columns.map(({ kind }) => element("td", { class: kind })));
    this.#rows.set(key, made);
    return made;
  }

  #fill(line: HTMLTableRowElement, row: Row): void {
    this.columns.forEach(({ cell }, at) => {
      const where = line.cells[at];
      const content = cell(row);
      if (where === undefined) return;
      if (typeof content !== "string") where.replaceChildren(...content);
      else if (where.textContent !== content) where.textContent = content;
    });
  }
}
