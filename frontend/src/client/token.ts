/** The token: asked for on every connect and before it expires, once at a time however many want it. */

import { FanwireError } from "./errors.js";

/** `refused`: the gateway did not take the last one (4401), so the same one again would be of no use. */
export type TokenReason = "connect" | "expiring" | "refused";

/** Null where there is none to send: a gateway in development mode asks for none. */
export type GetToken = (request: { readonly reason: TokenReason }) => string | null | Promise<string | null>;

export class TokenSource {
  #asking: Promise<string | null> | null = null;

  constructor(private readonly getToken: GetToken | undefined) {}

  /** Whether asking again can bring another token. */
  get canRenew(): boolean {
    return this.getToken !== undefined;
  }

  /** Throws: FanwireError `token`, with what getToken threw as its message. */
  get(reason: TokenReason): Promise<string | null> {
    if (this.#asking !== null) return this.#asking;
    const asking = this.#ask(reason).finally(() => {
      if (this.#asking === asking) this.#asking = null;
    });
    this.#asking = asking;
    return asking;
  }

  /** Whoever asks next is not given the answer to a question that hangs. */
  forget(): void {
    this.#asking = null;
  }

  async #ask(reason: TokenReason): Promise<string | null> {
    try {
      return (await this.getToken?.({ reason })) ?? null;
    } catch (error) {
      throw new FanwireError("token", `getToken failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
