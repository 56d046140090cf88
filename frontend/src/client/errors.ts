/** The one error of this client: `code` for programs, `message` for people. */

import type { ErrorCode } from "../wire.js";

/**
 * Beyond the gateway's own codes: `closed` (the client was closed, or may not come back), `connection_lost` (before the answer came),
 * `timeout`, `too_large`, `slow_iterator`, `unsubscribed`, `token` (getToken failed) and `unreachable`.
 */
export type FanwireErrorCode =
  | ErrorCode
  | "closed"
  | "connection_lost"
  | "timeout"
  | "too_large"
  | "slow_iterator"
  | "unsubscribed"
  | "token"
  | "unreachable";

export class FanwireError extends Error {
  override readonly name = "FanwireError";

  constructor(
    readonly code: FanwireErrorCode | (string & {}),
    message: string,
    readonly topic?: string,
  ) {
    super(message);
  }
}
