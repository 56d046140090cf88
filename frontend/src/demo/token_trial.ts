/** The page's token, and a way to see one expire: a short one that the page does not renew before its end. */

import type { GetToken } from "../client/token.js";
import { authorization } from "../page/access.js";

const PATH = "/api/demo/token";

export class TokenTrial {
  #short: string | null = null;
  #isOver = true;

  constructor(private readonly token: string | null) {}

  /** Whether this gateway asks for tokens at all. */
  get isPossible(): boolean {
    return this.token !== null;
  }

  /** For the client. While the short token lives, a renewal is refused on purpose: the page wants to see the end. */
  readonly getToken: GetToken = ({ reason }) => {
    if (this.#isOver) return this.token;
    if (reason === "expiring") throw new Error("this page does not renew the short token, to see it expire");
    if (reason === "connect") return this.#short;
    this.#isOver = true;
    return this.token;
  };

  /** Fetches a token that lives for a few seconds; the next connect uses it. Returns its life in seconds. Throws: Error. */
  async begin(): Promise<number> {
    const answer = await fetch(PATH, { method: "POST", headers: authorization(this.token) });
    const said = await answer.json();
    if (!answer.ok) throw new Error(`the gateway gave no short token: ${said.message}`);
    this.#short = String(said.token);
    this.#isOver = false;
    return Number(said.ttl_s);
  }
}
