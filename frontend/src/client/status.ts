/** What a connection is doing, in the words that a page shows. */

import type { TransportKind } from "./transport_choice.js";

/**
 * `idle`: not asked to connect yet. `connecting`: on its way to the gateway's first word. `connected`: heard it.
 * `waiting`: will try again. `closed`: will not, unless told to.
 */
export type State = "idle" | "connecting" | "connected" | "waiting" | "closed";

export interface Status {
  readonly state: State;
  /** The close code that led here, of docs/protocol.md §7 or RFC 6455; 1006 where the connection broke off. */
  readonly code?: number;
  readonly message?: string;
  /** While `waiting`: milliseconds from now to the next try; absent while the browser is offline or the page left. */
  readonly retryInMs?: number;
  readonly transport?: TransportKind;
}
