/**
 * One slow reader: a connection and a mailbox of its own on a topic with one overflow policy. Each message costs it real
 * work on the page's thread, so that the browser stops reading the socket and the gateway's mailbox fills.
 */

import { Client } from "../client/client.js";
import type { GetToken } from "../client/token.js";
import { recoveryIn } from "./outage.js";
import type { Policy, Tally } from "./tally.js";

export interface ReaderOptions {
  readonly policy: Policy;
  readonly topic: string;
  readonly total: number;
  readonly workMs: number;
  readonly getToken: GetToken;
  readonly changed: () => void;
}

export class SlowReader {
  readonly done: Promise<void>;
  readonly #client: Client;
  readonly #closes: number[] = [];
  /** Positions that were handed over, and those that the gateway gave to the series: unknown until it is all published. */
  readonly #seen = new Set<number>();
  #series: readonly number[] = [];
  #finish: () => void = () => {};
  #workMs: number;
  #duplicates = 0;
  #announced = 0;
  #replayed = 0;

  constructor(private readonly options: ReaderOptions) {
    this.#workMs = options.workMs;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#client = new Client("/", { getToken: options.getToken });
    this.#client.on("state", ({ state, code }) => {
      if (state === "waiting" && code !== undefined) this.#closes.push(code);
      options.changed();
    });
    this.#client.packets.subscribe((packet) => {
      this.#replayed += recoveryIn(packet)?.replayed ?? 0;
    });
  }

  /** Resolves when the gateway has said `subscribed`. */
  async join(): Promise<void> {
    const subscription = this.#client.subscribe(this.options.topic);
    subscription.on("message", ({ seq }) => this.#take(seq));
    subscription.on("gap", ({ dropped }) => {
      this.#announced += dropped ?? 0;
    });
    await subscription.ready();
  }

  /** The series has been published at these positions. */
  expect(series: readonly number[]): void {
    this.#series = series;
    this.#settle();
  }

  /** From now on, messages cost no more than they are worth. */
  recover(): void {
    this.#workMs = 0;
  }

  /** For each message of the series, 1 where it has arrived. */
  get arrived(): Uint8Array {
    return Uint8Array.from(this.#series, (seq) => (this.#seen.has(seq) ? 1 : 0));
  }

  get tally(): Tally {
    return {
      total: this.options.total,
      received: this.#seen.size,
      duplicates: this.#duplicates,
      announced: this.#announced,
      closes: this.#closes,
      replayed: this.#replayed,
      isComplete: this.#hasLast,
    };
  }

  close(): void {
    this.#client.close();
  }

  #take(seq: number): void {
    if (this.#seen.has(seq)) this.#duplicates += 1;
    this.#seen.add(seq);
    work(this.#workMs);
    this.options.changed();
    this.#settle();
  }

  get #hasLast(): boolean {
    const last = this.#series.at(-1);
    return last !== undefined && this.#seen.has(last);
  }

  #settle(): void {
    if (this.#hasLast) this.#finish();
  }
}

/** What a page does that renders too much: nothing else of it runs meanwhile. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
