/** Notices by the wall clock that a link has died without a word, or that the machine was asleep. */

import type { Clock } from "./environment.js";

export const CHECK_MS = 5_000;
export interface LivenessListener {
  /** The link may have died meanwhile: worth asking. */
  suspect(): void;
  /** Nothing was heard for two heartbeats. */
  dead(): void;
}

export class Liveness {
  #heardAt = 0;
  #checkedAt = 0;
  #silenceMs = Number.POSITIVE_INFINITY;
  #sleepMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly listener: LivenessListener,
  ) {}

  /**
   * Watch a new link whose gateway speaks at least every `heartbeatMs`; infinite where its heartbeat cannot be heard.
   * A check that comes `sleepMs` too late says that the machine slept, or that the page was frozen.
   */
  start(heartbeatMs: number, sleepMs: number): void {
    this.stop();
    this.#silenceMs = 2 * heartbeatMs;
    this.#sleepMs = sleepMs;
    this.#heardAt = this.#checkedAt = this.clock.now();
    this.#cancel = this.clock.after(CHECK_MS, () => this.#check());
  }

  heard(): void {
    this.#heardAt = this.clock.now();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #check(): void {
    const now = this.clock.now();
    const sleptMs = now - this.#checkedAt - CHECK_MS;
    this.#checkedAt = now;
    // A clock that was set back must not make a dead link live for as long.
    this.#heardAt = Math.min(this.#heardAt, now);
    this.#cancel = this.clock.after(CHECK_MS, () => this.#check());
    if (now - this.#heardAt > this.#silenceMs) this.listener.dead();
    else if (sleptMs > this.#sleepMs) this.listener.suspect();
  }
}
