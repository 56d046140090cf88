/** One connection to the gateway, whatever carries it: texts in both directions, and an end with a code of §7. */

import type { Since } from "../wire.js";
import type { Addresses } from "./addresses.js";

export interface LinkListener {
  text(text: string): void;
  /** Once, and nothing after it. 1006 where there was no close frame. */
  closed(code: number, reason: string): void;
}

export interface Link {
  send(text: string): void;
  /** Lets go. The listener hears nothing more, not even of the end. */
  close(): void;
}

export interface LinkRequest {
  readonly addresses: Addresses;
  readonly token: string | null;
  /** What will be subscribed to as soon as the link is up: a stream of events has to name it in its address. */
  readonly topics: ReadonlyMap<string, Since>;
  readonly fetch?: typeof fetch;
}

export type OpenLink = (request: LinkRequest, listener: LinkListener) => Link;
