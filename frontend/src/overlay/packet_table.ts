/**
 * The table of packets. Owns its rows' elements, which are used again for later packets, and which row is the current one:
 * the only one that the Tab key stops at, as in any ARIA grid.
 */

import { make, write } from "./elements.js";
import { latencyOf, sizeOf, timeOf } from "./figures.js";
import type { FrameRow, NoticeRow, Row } from "./rows.js";

const COLUMNS = ["Time", "Dir", "Type", "Topic", "Seq", "Size", "Latency", "Trace id"];
const PAGE_ROWS = 10;
/** Where each key leads, from row `at` of `count`. */
const MOVES: Readonly<{ [key: string]: (at: number, count: number) => number }> = {
  ArrowUp: (at) => at - 1,
  ArrowDown: (at) => at + 1,
  PageUp: (at) => at - PAGE_ROWS,
  PageDown: (at) => at + PAGE_ROWS,
  Home: () => 0,
  End: (_at, count) => count - 1,
};

type Line = HTMLTableRowElement;

export class PacketTable {
  readonly element: HTMLElement;
  readonly #body = make("tbody");
  #rows: readonly Row[] = [];
  readonly #lines = new Map<number, Line>();
  readonly #spare: { readonly frame: Line[]; readonly notice: Line[] } = { frame: [], notice: [] };
  #current: number | null = null;

  /** `chosen`: the current row, each time it becomes another one. */
  constructor(private readonly chosen: (row: Row) => void) {
    const names = COLUMNS.map((name) => make("th", { scope: "col" }, name));
    const head = make("thead", {}, make("tr", {}, ...names));
    const table = make("table", { role: "grid", "aria-label": "Packets, oldest first" }, head, this.#body);
    this.element = make("div", { class: "packets" }, table);
    this.#body.addEventListener("click", ({ target }) => this.#clicked(target as Element));
    this.#body.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** Follows the newest row for as long as it is in sight. */
  render(rows: readonly Row[]): void {
    const { element } = this;
    const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
    const hadFocus = this.#release(new Set(rows.map(({ key }) => key)));
    this.#rows = rows;
    let next = this.#body.firstElementChild;
    for (const row of rows) {
      const line = this.#lines.get(row.key) ?? this.#fill(row);
      if (line === next) next = next.nextElementSibling;
      else this.#body.insertBefore(line, next);
    }
    this.#keepOneStop();
    if (atEnd) element.scrollTop = element.scrollHeight;
    // Not chosen: whoever reads the packet that has gone goes on reading it beside the table.
    if (hadFocus) this.#body.querySelector<Line>("tr:last-child")?.focus();
  }

  /** Takes away the lines of packets that have gone; whether one of them had the focus. */
  #release(wanted: ReadonlySet<number>): boolean {
    let hadFocus = false;
    for (const [key, line] of this.#lines) {
      if (wanted.has(key)) continue;
      hadFocus ||= line.matches(":focus");
      this.#lines.delete(key);
      line.remove();
      this.#spare[line.className === "frame" ? "frame" : "notice"].push(line);
    }
    return hadFocus;
  }

  #fill(row: Row): Line {
    const line = row.kind === "frame" ? this.#fillFrame(row) : this.#fillNotice(row);
    line.tabIndex = -1;
    line.dataset.key = String(row.key);
    line.setAttribute("aria-selected", "false");
    this.#lines.set(row.key, line);
    return line;
  }

  #fillFrame({ packet, latencyMs }: FrameRow): Line {
    const { time, dir, type, topic, seq, size, id } = packet;
    const cells = [timeOf(time), dir === "in" ? "↓ in" : "↑ out", type ?? "not an envelope", topic ?? "", seq ?? ""];
    const line = this.#spare.frame.pop() ?? lineOf("frame", COLUMNS.length);
    [...cells, sizeOf(size), latencyOf(latencyMs), id ?? ""].forEach((text, index) => {
      write(line.cells[index] as Node, String(text));
    });
    line.dataset.dir = dir;
    return line;
  }

  #fillNotice({ kind, packet, text }: NoticeRow): Line {
    const line = this.#spare.notice.pop() ?? lineOf("notice", 2);
    line.className = kind;
    write(line.cells[0] as Node, timeOf(packet.time));
    write(line.cells[1] as Node, text);
    return line;
  }

  /** The row that Tab stops at: the current one, else the newest. */
  #keepOneStop(): void {
    if (this.#current !== null && !this.#lines.has(this.#current)) this.#current = null;
    const stop = this.#current ?? this.#rows.at(-1)?.key;
    for (const [key, line] of this.#lines) {
      line.tabIndex = key === stop ? 0 : -1;
      line.setAttribute("aria-selected", String(key === this.#current));
    }
  }

  #clicked(target: Element): void {
    const key = Number(target.closest<Line>("tr")?.dataset.key);
    this.#choose(this.#rows.findIndex((row) => row.key === key));
  }

  #pressed(event: KeyboardEvent): void {
    const move = MOVES[event.key];
    if (move === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.#choose(move(this.#at, this.#rows.length));
  }

  get #at(): number {
    const at = this.#rows.findIndex(({ key }) => key === this.#current);
    return at < 0 ? this.#rows.length - 1 : at;
  }

  #choose(wanted: number): void {
    const row = this.#rows[Math.max(0, Math.min(wanted, this.#rows.length - 1))];
    if (row === undefined) return;
    this.#current = row.key;
    this.#keepOneStop();
    this.#lines.get(row.key)?.focus();
    this.chosen(row);
  }
}

/** A line with a time and `cells` in all; the last cell reaches to the end. */
function lineOf(className: string, cells: number): Line {
  const line = make("tr", { class: className });
  for (let index = 0; index < cells; index++) line.append(make("td", { role: "gridcell" }));
  const rest = COLUMNS.length - cells + 1;
  if (rest > 1) (line.cells[cells - 1] as HTMLTableCellElement).colSpan = rest;
  return line;
}
