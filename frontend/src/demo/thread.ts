/** thread:demo as a conversation: an agent's run streams in word by word, people and backends speak between. */

import type { Gap } from "../client/subscription.js";
import { element, setText } from "../page/element.js";
import { clock, count, counted } from "../page/format.js";
import type { Envelope } from "../wire.js";

const ENTRIES_KEPT = 60;
const NEAR_END_PX = 80;

const GAPS: Record<Gap["reason"], string> = {
  history: "What was said before is no longer kept; live from here.",
  overflow: "This tab was too slow: some messages are missing here.",
  chain: "Some messages are missing here.",
};

export interface ThreadParts {
  readonly list: HTMLElement;
  readonly scroll: HTMLElement;
  readonly empty: HTMLElement;
  readonly count: HTMLElement;
}

type Fields = Readonly<Record<string, unknown>>;

export class Thread {
  readonly #streams = new Map<string, HTMLElement>();
  #shown = 0;

  /** `me`: the name under which this tab speaks. */
  constructor(
    private readonly parts: ThreadParts,
    private readonly me: string,
  ) {}

  show(message: Envelope): void {
    this.#shown += 1;
    setText(this.parts.count, counted(this.#shown, "message"));
    this.#append(() => this.#render(message));
  }

  showGap({ reason }: Gap): void {
    this.#append(() => this.#add(element("p", { class: "event gap" }, GAPS[reason])));
  }

  /** A publisher may put anything into data: what a run does not have is simply not shown. */
  #render({ type, data, ts }: Envelope): void {
    const fields = typeof data === "object" && data !== null ? (data as Fields) : {};
    if (type === "run_started") this.#note("run", type, `${textOf(fields.agent) ?? "an agent"}, ${clock(ts)}`);
    else if (type === "run_finished") this.#finish(type, fields, ts);
    else if (type === "thread_message_created" && typeof fields.message_id === "string")
      this.#stream(fields.message_id);
    else if (type === "stream_chunk" && typeof fields.text === "string")
      this.#write(String(fields.message_id), fields.text);
    else this.#say(type, fields, data, ts);
  }

  #say(type: string, fields: Fields, data: unknown, ts: number): void {
    const body = textOf(fields.content) ?? textOf(fields.text) ?? JSON.stringify(data);
    const name = textOf(fields.name);
    const who = element("span", { class: "who" }, name ?? type);
    const head = element("div", { class: "head" }, who, element("time", {}, clock(ts)));
    const kind = name === this.me ? "event said mine" : "event said";
    this.#add(element("div", { class: kind }, head, element("div", { class: "body" }, body)));
  }

  #stream(messageId: string): HTMLElement {
    // A text node that grows by appendData costs its new words and not the whole text again.
    const words = element("p", { class: "words streaming" }, document.createTextNode(""));
    this.#streams.set(messageId, words);
    this.#add(words);
    return words;
  }

  #write(messageId: string, text: string): void {
    const words = this.#streams.get(messageId) ?? this.#stream(messageId);
    (words.firstChild as Text).appendData(text);
  }

  #finish(type: string, { words, seconds }: Fields, ts: number): void {
    for (const stream of this.#streams.values()) stream.classList.remove("streaming");
    this.#streams.clear();
    const said = typeof words === "number" ? [`${count(words)} words`] : [];
    const took = typeof seconds === "number" ? [`${seconds.toFixed(1)} s`] : [];
    this.#note("", type, [...said, ...took, clock(ts)].join(", "));
  }

  #note(kind: string, type: string, text: string): void {
    const made = element("p", { class: `event note ${kind}`.trim() }, element("code", {}, type), ` ${text}`);
    this.#add(made);
  }

  #append(add: () => void): void {
    const wasAtEnd = this.#isAtEnd;
    this.parts.empty.hidden = true;
    add();
    // Who has scrolled up to read must not be pulled down by every word.
    if (wasAtEnd) this.parts.scroll.scrollTop = this.parts.scroll.scrollHeight;
  }

  #add(entry: HTMLElement): void {
    this.parts.list.append(entry);
    while (this.parts.list.childElementCount > ENTRIES_KEPT) this.parts.list.firstElementChild?.remove();
  }

  get #isAtEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.parts.scroll;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
