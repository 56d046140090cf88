/** Renews the token in place before it expires, so that a long-lived page is never thrown out. Owns the timer for it. */

import type { HelloData } from "../wire.js";
import type { Environment } from "./environment.js";
import { FanwireError } from "./errors.js";
import type { Requests } from "./requests.js";
import type { TokenSource } from "./token.js";

/** The largest delay that a browser's timer takes: 2^31 - 1 ms, 24.8 days. */
const LONGEST_MS = 2_147_483_647;
const MARGIN_MS = 60_000;
const AGAIN_MS = 5_000;

/**
 * Milliseconds from the `hello` to the renewal of a token that lives for `lifeMs`: a minute before its end, but never before
 * three quarters of a short life, and spread over a tenth so that pages loaded together do not renew together.
 */
export function renewalDelayMs(lifeMs: number, random: number): number {
  const margin = Math.min(MARGIN_MS, lifeMs / 4);
  const latest = Math.max(0, lifeMs - margin);
  return Math.min(LONGEST_MS, latest - random * Math.min(MARGIN_MS, latest / 10));
}

export interface RenewalListener {
  renewed(token: string, hello: HelloData): void;
  /** The gateway wants this token on a link of its own: it is another user's. */
  refused(): void;
}

export class Renewal {
  #cancel: () => void = () => {};
  #epoch = 0;

  constructor(
    private readonly environment: Environment,
    private readonly tokens: TokenSource,
    private readonly requests: Requests,
    private readonly listener: RenewalListener,
  ) {}

  /** `ts`: the gateway's clock at its `hello`, in Unix seconds; its own is the one that counts. */
  plan({ expires_at }: HelloData, ts: number): void {
    this.stop();
    if (expires_at === null || !this.tokens.canRenew) return;
    const delayMs = renewalDelayMs((expires_at - ts) * 1000, this.environment.random());
    this.#cancel = this.environment.clock.after(delayMs, () => this.#renew());
  }

  stop(): void {
    this.#epoch += 1;
    this.#cancel();
  }

  #renew(): void {
    const epoch = this.#epoch;
    this.#ask().catch((error: FanwireError) => {
      if (epoch !== this.#epoch || error.code === "connection_lost") return;
      if (error.code === "forbidden") this.listener.refused();
      // Until the gateway closes 4401 there may be time for another try.
      else this.#cancel = this.environment.clock.after(AGAIN_MS, () => this.#renew());
    });
  }

  async #ask(): Promise<void> {
    const epoch = this.#epoch;
    const token = await this.tokens.get("expiring");
    if (epoch !== this.#epoch) return;
    if (token === null) throw new FanwireError("token", "getToken gave none");
    const answer = await this.requests.ask("auth", { token });
    if (epoch !== this.#epoch || answer.type !== "hello") return;
    this.listener.renewed(token, answer.data);
    this.plan(answer.data, answer.ts);
  }
}
