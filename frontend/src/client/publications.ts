/**
 * What this page publishes, until the gateway has stored it. Unanswered ones are sent again, under the same id, after
 * every reconnect: the gateway knows an id for five minutes and stores it once. Owns the bounded set of those waiting.
 */

import type { PublishedData } from "../wire.js";
import type { Environment } from "./environment.js";
import { FanwireError } from "./errors.js";
import type { ControlFrame } from "./incoming.js";
import { type OutFrame, textOf } from "./outgoing.js";

export const PUBLISH_MS = 30_000;
/** For as long the gateway tells an id that it has seen: one sent again later could be stored twice. */
export const PUBLISH_MAX_MS = 240_000;
const AGAIN_MS = 1_000;
/** Refusals that say nothing of the message itself. */
const TRY_AGAIN: ReadonlySet<string> = new Set(["rate_limited", "unreachable"]);

/** The gateway's receipt: stored, at this position. `duplicate`: it had been stored before, by an earlier try. */
export interface Published extends PublishedData {
  readonly id: string;
}

interface Waiting {
  readonly frame: OutFrame;
  readonly text: string;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: FanwireError) => void;
  readonly cancelDeadline: () => void;
  cancelRetry: () => void;
}

export class Publications {
  readonly #waiting = new Map<string, Waiting>();

  constructor(
    private readonly environment: Environment,
    private readonly send: (frame: OutFrame, text: string) => boolean,
    private readonly limit: number,
  ) {}

  /** Rejects with FanwireError: the gateway's refusal, `overloaded` at once where too many wait, `timeout`, `closed`. */
  publish(frame: OutFrame, deadlineMs: number): Promise<Published> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.size >= this.limit) {
        throw new FanwireError("overloaded", `${this.limit} publications wait for their answer already`, frame.topic);
      }
      if (this.#waiting.has(frame.id))
        throw new FanwireError("bad_envelope", `id ${frame.id} is on its way already`, frame.topic);
      const text = textOf(frame);
      const deadline = Math.min(deadlineMs, PUBLISH_MAX_MS);
      const late = new FanwireError("timeout", `not known to be stored after ${deadline} ms`, frame.topic);
      const cancelDeadline = this.environment.clock.after(deadline, () => this.#finish(frame.id)?.reject(late));
      this.#waiting.set(frame.id, { frame, text, resolve, reject, cancelDeadline, cancelRetry: () => {} });
      this.send(frame, text);
    });
  }

  /** A new link: whatever has no answer yet goes out again, in the order in which it was published. */
  resend(): void {
    for (const { frame, text } of [...this.#waiting.values()]) this.send(frame, text);
  }

  /** Whether `frame` was the answer to a publication of ours. */
  take(frame: ControlFrame): boolean {
    const asked = frame.re === undefined ? undefined : this.#waiting.get(frame.re);
    if (asked === undefined || frame.re === undefined) return false;
    if (frame.type === "error" && TRY_AGAIN.has(frame.data.code)) {
      asked.cancelRetry();
      asked.cancelRetry = this.environment.clock.after(AGAIN_MS, () => this.send(asked.frame, asked.text));
      return true;
    }
    this.#finish(frame.re);
    if (frame.type === "published") asked.resolve({ id: frame.re, ...frame.data });
    else if (frame.type === "error")
      asked.reject(new FanwireError(frame.data.code, frame.data.message, asked.frame.topic));
    return true;
  }

  /** Nothing more will be sent: `message` says why. */
  end(message: string): void {
    for (const id of [...this.#waiting.keys()]) this.#finish(id)?.reject(new FanwireError("closed", message));
  }

  #finish(id: string): Waiting | undefined {
    const asked = this.#waiting.get(id);
    this.#waiting.delete(id);
    asked?.cancelDeadline();
    asked?.cancelRetry();
    return asked;
  }
}
