"""Tornado alone: a ``WebSocketHandler`` per client and a loop of ``write_message`` over all of them.

Run as ``python -m bench.peers.tornado_loop PORT``. Owns the set of subscribers. It is what Fanwire stands on, without
what Fanwire adds: no mailboxes, no positions, no history. Nothing is awaited, so what a socket does not take waits in
its stream's buffer, without a bound. Tornado sends no pings and does not compress unless it is told to.
"""

import asyncio
import json
import sys

from tornado.web import Application
from tornado.websocket import WebSocketHandler

from bench.dialogue import PATH, SUBPROTOCOL

__all__ = ["Client", "main"]

_SUBSCRIBED = '{"v":1,"topic":"system","type":"subscribed","data":{}}'


class Client(WebSocketHandler):
    """One connection, which subscribes, or publishes, by what it sends."""

    def initialize(self, subscribers: "set[Client]") -> None:
        self._subscribers = subscribers

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    def on_message(self, message: str | bytes) -> None:
        if json.loads(message)["topic"] == "system":
            self._subscribers.add(self)
            self.write_message(_SUBSCRIBED)
            return
        for subscriber in self._subscribers:
            subscriber.write_message(message)

    def on_close(self) -> None:
        self._subscribers.discard(self)


async def _serve(port: int) -> None:
    Application([(PATH, Client, {"subscribers": set()})]).listen(port, "127.0.0.1")
    await asyncio.get_running_loop().create_future()


def main() -> None:
    """Serve on 127.0.0.1 at the port in ``sys.argv[1]`` until a signal ends the process."""
    asyncio.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
