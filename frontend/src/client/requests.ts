/** Questions to the gateway on this link: each is answered by the frame whose `re` is its id, or fails at its deadline. */

import type { FromClient } from "../wire.js";
import type { Environment } from "./environment.js";
import { FanwireError } from "./errors.js";
import type { ControlFrame } from "./incoming.js";
import { control, type OutFrame, textOf } from "./outgoing.js";

export const ANSWER_MS = 10_000;

export interface AskOptions {
  readonly deadlineMs?: number;
  /** Called with the answer before any later frame is looked at, which a promise cannot promise. */
  readonly answered?: (answer: ControlFrame) => void;
}

interface Waiting {
  readonly answered: AskOptions["answered"];
  readonly resolve: (answer: ControlFrame) => void;
  readonly reject: (error: FanwireError) => void;
  readonly cancel: () => void;
}

export class Requests {
  readonly #waiting = new Map<string, Waiting>();

  constructor(
    private readonly environment: Environment,
    private readonly send: (frame: OutFrame, text: string) => boolean,
  ) {}

  /** Rejects with FanwireError: the gateway's own refusal, `timeout`, or `connection_lost`. */
  ask<Kind extends "subscribe" | "unsubscribe" | "auth">(
    type: Kind,
    data: FromClient[Kind],
    { deadlineMs = ANSWER_MS, answered }: AskOptions = {},
  ): Promise<ControlFrame> {
    const { uuid, clock } = this.environment;
    const frame = control(uuid(), type, data);
    return new Promise((resolve, reject) => {
      const cancel = clock.after(deadlineMs, () =>
        this.#fail(frame.id, "timeout", `${type}: no answer in ${deadlineMs} ms`),
      );
      this.#waiting.set(frame.id, { answered, resolve, reject, cancel });
      if (!this.send(frame, textOf(frame))) this.#fail(frame.id, "connection_lost", "not connected");
    });
  }

  /** Whether `frame` was the answer to a question of ours. */
  take(frame: ControlFrame): boolean {
    const asked = frame.re === undefined ? undefined : this.#finish(frame.re);
    if (asked === undefined) return false;
    if (frame.type === "error") {
      asked.reject(new FanwireError(frame.data.code, frame.data.message, frame.data.topic));
    } else {
      asked.answered?.(frame);
      asked.resolve(frame);
    }
    return true;
  }

  /** The link is gone, and with it every answer. */
  lost(): void {
    for (const id of [...this.#waiting.keys()])
      this.#fail(id, "connection_lost", "the connection was lost before the answer came");
  }

  #fail(id: string, code: "timeout" | "connection_lost", message: string): void {
    this.#finish(id)?.reject(new FanwireError(code, message));
  }

  #finish(id: string): Waiting | undefined {
    const asked = this.#waiting.get(id);
    this.#waiting.delete(id);
    asked?.cancel();
    return asked;
  }
}
