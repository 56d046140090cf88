"""A WebSocket echo server for the Autobahn suite: ``python tests/support/echo_server.py PORT``.

Owns nothing but the route: what is under test is the protocol class that the handler gives to Tornado.
Port 0 lets the kernel choose; the first line on stdout names the URL and means that connections are accepted.
"""

import asyncio
import sys

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler, WebSocketProtocol, _WebSocketParams

from actors.meter import Meter
from server.websocket_protocol import StrictWebSocketProtocol

__all__ = ["EchoHandler", "serve"]

# The suite's largest message outside the 9.* cases, which are left out, is far below this.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class EchoHandler(WebSocketHandler):
    """Sends every message back as the type it came in."""

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """The protocol class under test, without compression; None refuses the version of the client."""
        if self.request.headers.get("Sec-WebSocket-Version") != "13":
            return None
        return StrictWebSocketProtocol(self, False, _WebSocketParams(max_message_size=MAX_MESSAGE_BYTES), Meter())

    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message, binary=isinstance(message, bytes))


async def serve(port: int) -> None:
    """Echo on 127.0.0.1:``port`` until the process is stopped."""
    (socket,) = bind_sockets(port, "127.0.0.1")
    server = HTTPServer(Application([("/", EchoHandler)]))
    server.add_socket(socket)
    print(f"listening on ws://127.0.0.1:{socket.getsockname()[1]}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
