"""A WebSocket echo server for the Autobahn suite: ``python tests/support/echo_server.py PORT``.

Owns nothing but the route: what is under test is the WebSocket that the handler opens.
Port 0 lets the kernel choose; the first line on stdout names the URL and means that connections are accepted.
"""

import asyncio
import sys

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from actors.meter import Meter
from actors.protocol.frame import TEXT, frame_of
from server.frame_reader import BINARY
from server.upgrade import switching_protocols, upgrade_flaw
from server.web_socket import WebSocket

__all__ = ["Echo", "EchoHandler", "serve"]

# The suite's largest message outside the 9.* cases, which are left out, is far below this.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class Echo:
    """Sends every message back as the type it came in."""

    socket: WebSocket

    def on_message(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self.socket.write(frame_of(TEXT, message.encode()))
        else:
            self.socket.write(frame_of(BINARY, message))

    def on_sign_of_life(self) -> None: ...

    def on_gone(self) -> None: ...


class EchoHandler(RequestHandler):
    """Opens the WebSocket under test for ``delegate``, an ``Echo`` unless another class is given."""

    def initialize(self, delegate: type[Echo] = Echo, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._delegate = delegate()
        self._max_message_bytes = max_message_bytes

    def get(self) -> None:
        flaw = upgrade_flaw(self.request.headers)
        if flaw is not None:
            self.set_status(flaw.status)
            return
        answer = switching_protocols(self.request.headers["Sec-WebSocket-Key"], None)
        self._delegate.socket = WebSocket(
            self.detach(),
            self._delegate,
            Meter(),
            preface=answer,
            max_frame_bytes=self._max_message_bytes,
            stall_s=10.0,
        )
        self._delegate.socket.begin()


async def serve(port: int) -> None:
    """Echo on 127.0.0.1:``port`` until the process is stopped."""
    (socket,) = bind_sockets(port, "127.0.0.1")
    server = HTTPServer(Application([("/", EchoHandler)]))
    server.add_socket(socket)
    print(f"listening on ws://127.0.0.1:{socket.getsockname()[1]}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
