"""FastAPI under uvicorn, broadcasting with one ``asyncio.gather`` over all sockets: what Fanwire replaces.

Run as ``python -m bench.peers.fastapi_gather PORT``. Owns the set of subscribers, behind one lock as that
design has it. uvicorn picks its own loop and parser (uvloop and httptools where installed) and its
``websockets`` implementation. The text is passed on as it came: encoding it once per subscriber, which the
old design did, would only make it slower.
"""

import asyncio
import json
import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from bench.dialogue import PATH, SUBPROTOCOL

__all__ = ["TopicConnections", "create_app", "main"]


class TopicConnections:
    """The subscribers of the one topic, and the broadcast to all of them."""

    def __init__(self) -> None:
        self._subscribers: set[WebSocket] = set()
        self._lock = asyncio.Lock()

    async def add(self, socket: WebSocket) -> None:
        async with self._lock:
            self._subscribers.add(socket)

    async def remove(self, socket: WebSocket) -> None:
        async with self._lock:
            self._subscribers.discard(socket)

    async def broadcast(self, text: str) -> None:
        """Send ``text`` to every subscriber; returns when the slowest has taken it."""
        async with self._lock:
            receivers = list(self._subscribers)
        await asyncio.gather(*(socket.send_text(text) for socket in receivers))


def create_app() -> FastAPI:
    """An application with one WebSocket route that subscribes, or publishes, by what the client sends."""
    app = FastAPI()
    connections = TopicConnections()

    @app.websocket(PATH)
    async def client(socket: WebSocket) -> None:
        await socket.accept(subprotocol=SUBPROTOCOL)
        try:
            while True:
                await _handle(connections, socket, await socket.receive_text())
        except WebSocketDisconnect:
            await connections.remove(socket)

    return app


async def _handle(connections: TopicConnections, socket: WebSocket, text: str) -> None:
    if json.loads(text)["topic"] == "system":
        await connections.add(socket)
        await socket.send_text('{"v":1,"topic":"system","type":"subscribed","data":{}}')
    else:
        await connections.broadcast(text)


def main() -> None:
    """Serve on 127.0.0.1 at the port in ``sys.argv[1]`` until a signal ends the process."""
    # No keepalive pings: of the peers, none has that work.
    port = int(sys.argv[1])
    uvicorn.run(create_app(), host="127.0.0.1", port=port, log_level="warning", ws_ping_interval=None)


if __name__ == "__main__":
    main()
