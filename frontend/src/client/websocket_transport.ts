/** The WebSocket as a link: the token travels as a second subprotocol, which no log has. */

import { SUBPROTOCOL, TOKEN_SUBPROTOCOL } from "../wire.js";
import type { Link, LinkListener, LinkRequest, OpenLink } from "./transport.js";

/** The part of a WebSocket that is used; that of browsers and of npm's `ws` alike. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocket;

export function webSocketTransport(Socket: WebSocketConstructor): OpenLink {
  return ({ addresses, token }: LinkRequest, listener: LinkListener): Link => {
    const protocols = token === null ? [SUBPROTOCOL] : [SUBPROTOCOL, TOKEN_SUBPROTOCOL + token];
    const socket = new Socket(addresses.socket, protocols);
    socket.onmessage = ({ data }) => listener.text(String(data));
    socket.onclose = ({ code, reason }) => listener.closed(code, reason);
    // Whatever it says, `close` follows and says more; unhandled, it would be an exception under Node.
    socket.onerror = () => {};
    return {
      send: (text) => socket.send(text),
      close: () => {
        socket.onmessage = null;
        socket.onclose = null;
        socket.close(1000);
      },
    };
  };
}
