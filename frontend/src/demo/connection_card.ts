/** The figures of this tab's connection: what the gateway says of it, and what the page's own books prove. */

import { element, setText } from "../page/element.js";
import { count, seconds } from "../page/format.js";
import type { PingData } from "../wire.js";
import type { Account } from "./account.js";

const LATENCIES = 20;

/** The middle one. Pure. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

/** `1719958453127004` is a time in µs, and reads better in groups. Pure. */
export function grouped(seq: number): string {
  return String(seq).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

export class ConnectionCard {
  readonly #values = new Map<string, HTMLElement>();
  readonly #latencies: number[] = [];

  constructor(
    private readonly list: HTMLElement,
    private readonly account: Account,
    private readonly topics: readonly string[],
  ) {
    this.#row("Received", "proven by the chain: each message names the one before it");
    this.#row("Gaps");
    this.#row("Duplicates");
    this.#row("Latency", "from the gateway's clock to this page, the median of the last 20");
    for (const topic of topics) this.#row(topic, "position in the topic");
    this.#row("Mailbox", "by the gateway's last ping, one every 30 s");
    this.#set("Latency", "–");
    this.#set("Mailbox", "no ping yet");
    this.refresh();
  }

  /** `ms`: how long a live message took. */
  latency(ms: number): void {
    this.#latencies.push(Math.max(0, ms));
    if (this.#latencies.length > LATENCIES) this.#latencies.shift();
  }

  mailbox({ depth, high_water, dropped }: PingData["mailbox"]): void {
    this.#set("Mailbox", `${count(depth)} waiting, ${count(high_water)} at most, ${count(dropped)} lost`);
  }

  refresh(): void {
    const { received, gaps, duplicates } = this.account.totals;
    this.#set("Received", count(received));
    this.#set("Gaps", count(gaps));
    this.#set("Duplicates", count(duplicates));
    const latency = median(this.#latencies);
    // The gateway's clock is told in milliseconds: below one, nothing is known.
    if (latency !== null) this.#set("Latency", latency < 1 ? "< 1 ms" : seconds(latency / 1000));
    for (const topic of this.topics) {
      const position = this.account.position(topic);
      this.#set(topic, position === null ? "–" : grouped(position));
    }
  }

  #row(name: string, title?: string): void {
    const value = element("dd", { "data-figure": name });
    this.#values.set(name, value);
    const isTopic = this.topics.includes(name);
    const label = element("dt", { title }, isTopic ? element("code", {}, name) : name);
    this.list.append(element("div", {}, label, value));
  }

  #set(name: string, text: string): void {
    const value = this.#values.get(name);
    if (value !== undefined) setText(value, text);
  }
}
