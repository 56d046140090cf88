/**
 * The debug overlay: what this tab sends and receives, docked at the bottom of the page. A file of its own, loaded when it is
 * first opened. Owns the panel's elements, and the recording that it shows; runs nothing while it is closed but that.
 */

import type { Packets } from "../client/packets.js";
import type { Status } from "../client/status.js";
import type { MailboxState } from "../wire.js";
import { Details } from "./details.js";
import { Dock } from "./dock.js";
import { make, makeButton } from "./elements.js";
import { copyText, saveFile } from "./handing_over.js";
import { fileNameAt, jsonlOf } from "./jsonl.js";
import { PacketTable } from "./packet_table.js";
import { Recording } from "./recording.js";
import { STYLES } from "./styles.js";
import { Toolbar } from "./toolbar.js";
import { Vitals } from "./vitals.js";

/** What the overlay needs of a client. */
export interface Watched {
  readonly packets: Pick<Packets, "recent" | "subscribe">;
  readonly status: Status;
  on(name: "mailbox", handler: (mailbox: MailboxState) => void): () => void;
}

export class DebugOverlay {
  readonly #recording = new Recording();
  readonly #host = make("div", { "data-fanwire": "debug-overlay" });
  readonly #root = this.#host.attachShadow({ mode: "open" });
  readonly #panel = make("section", { class: "panel", role: "dialog", "aria-label": "Fanwire debug overlay" });
  readonly #vitals = new Vitals();
  readonly #toolbar = new Toolbar({
    filter: (filter) =>
      this.#change(() => {
        this.#recording.filter = filter;
      }),
    toggleControl: () =>
      this.#change(({ showsControl }) => {
        this.#recording.showsControl = !showsControl;
      }),
    togglePause: () =>
      this.#change(({ isPaused }) => {
        this.#recording.isPaused = !isPaused;
      }),
    clear: () =>
      this.#change(() => {
        this.#recording.clear();
      }),
    copyShown: () => this.#copy(jsonlOf(this.#recording.view().rows.map(({ packet }) => packet)), "packets shown"),
    exportAll: () => saveFile(fileNameAt(Date.now()), jsonlOf(this.#recording.packets)),
  });
  readonly #table = new PacketTable((row) => this.#details.show(row));
  readonly #details = new Details((text, what) => this.#copy(text, what));
  readonly #dock = new Dock(this.#panel);
  #isDirty = false;
  /** Where the focus was when the overlay was opened. */
  #focusedBefore: Element | null = null;

  constructor(private readonly client: Watched) {
    this.#assemble();
    for (const packet of client.packets.recent()) this.#recording.take(packet);
    client.packets.subscribe((packet) => this.#change(() => this.#recording.take(packet)));
    client.on("mailbox", (mailbox) =>
      this.#change(() => {
        this.#recording.mailbox = mailbox;
      }),
    );
    addEventListener("resize", () => this.#isOpen && this.#dock.resize());
  }

  open(): void {
    if (this.#isOpen) return;
    this.#focusedBefore = document.activeElement;
    document.body.append(this.#host);
    this.#dock.resize();
    this.#render();
    this.#toolbar.focus();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#host.remove();
    if (this.#focusedBefore instanceof HTMLElement) this.#focusedBefore.focus();
  }

  toggle(): void {
    if (this.#isOpen) this.close();
    else this.open();
  }

  get #isOpen(): boolean {
    return this.#host.isConnected;
  }

  #assemble(): void {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    this.#root.adoptedStyleSheets = [sheet];
    const close = makeButton("×", () => this.close(), {
      class: "close",
      "aria-label": "Close",
      title: "Close (Escape)",
    });
    const title = make("h1", {}, "Fanwire");
    const head = make("div", { class: "head" }, title, this.#vitals.element, close);
    const body = make("div", { class: "body" }, this.#table.element, this.#details.element);
    this.#panel.append(this.#dock.edge, head, this.#toolbar.element, body);
    this.#root.append(this.#panel);
    this.#panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    // What is typed here is none of the page's business: to its shortcuts it would look typed outside of any field.
    for (const name of ["keydown", "keypress", "keyup"])
      this.#panel.addEventListener(name, (event) => event.stopPropagation());
  }

  /** However much changes before the next frame is drawn, it is drawn once. */
  #change(apply: (recording: Recording) => void): void {
    apply(this.#recording);
    if (this.#isDirty || !this.#isOpen) return;
    this.#isDirty = true;
    requestAnimationFrame(() => this.#render());
  }

  #render(): void {
    const { showsControl, isPaused, mailbox, latenciesMs } = this.#recording;
    const view = this.#recording.view();
    this.#isDirty = false;
    this.#vitals.render(this.client.status, mailbox, latenciesMs);
    this.#toolbar.render(view, showsControl, isPaused);
    this.#table.render(view.rows);
  }

  #copy(text: string, what: string): void {
    copyText(text, this.#root).then((copied) => this.#toolbar.say(copied ? `Copied: ${what}` : "Could not copy"));
  }
}

export function openable(client: Watched): DebugOverlay {
  return new DebugOverlay(client);
}
