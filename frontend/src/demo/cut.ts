/** The browser's environment with a pair of scissors: `cut` ends the WebSocket as a lost network would. */

import { browserEnvironment } from "../client/browser.js";
import type { Environment } from "../client/environment.js";
import type { Link, LinkListener } from "../client/transport.js";

const BROKEN_OFF = 1006;

export class Scissors {
  readonly environment: Environment;
  #current: { readonly link: Link; readonly listener: LinkListener } | null = null;

  constructor(inner: Environment = browserEnvironment()) {
    this.environment = {
      ...inner,
      openWebSocket: (request, listener) => {
        const link = inner.openWebSocket(request, listener);
        this.#current = { link, listener };
        return link;
      },
    };
  }

  /** Lets go of the socket and tells the client that it broke off; false where there is none to cut. */
  cut(reason: string): boolean {
    const current = this.#current;
    this.#current = null;
    current?.link.close();
    current?.listener.closed(BROKEN_OFF, reason);
    return current !== null;
  }
}
