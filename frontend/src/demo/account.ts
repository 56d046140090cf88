/**
 * What a page was handed, proven by the chain of `prev`: the page's own books, kept without asking the client, so that
 * its "nothing lost" is a finding and not a promise. Pure but for whoever waits for a number of messages.
 */

export interface Link {
  readonly topic: string;
  readonly seq: number;
  readonly prev: number;
}

export interface Totals {
  readonly received: number;
  /** Places where the chain was broken. */
  readonly gaps: number;
  /** Messages that were handed over a second time, or out of order. */
  readonly duplicates: number;
}

interface Waiting {
  readonly at: number;
  readonly run: () => void;
}

export class Account {
  readonly #last = new Map<string, number>();
  #totals = { received: 0, gaps: 0, duplicates: 0 };
  #waiting: Waiting[] = [];

  get totals(): Totals {
    return { ...this.#totals };
  }

  /** The `seq` of the last message of that topic; null before the first. */
  position(topic: string): number | null {
    return this.#last.get(topic) ?? null;
  }

  take({ topic, seq, prev }: Link): void {
    const last = this.#last.get(topic);
    this.#totals.received += 1;
    if (last !== undefined && seq <= last) this.#totals.duplicates += 1;
    else if (last !== undefined && prev !== last) this.#totals.gaps += 1;
    this.#last.set(topic, Math.max(seq, last ?? 0));
    const due = this.#waiting.filter(({ at }) => at <= this.#totals.received);
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#totals.received);
    for (const { run } of due) run();
  }

  /** Calls `run` when `messages` more have been taken: at once for none. */
  after(messages: number, run: () => void): void {
    if (messages <= 0) run();
    else this.#waiting.push({ at: this.#totals.received + messages, run });
  }
}
