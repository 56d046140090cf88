"""picows, a WebSocket library in Cython: a loop of ``transport.send`` over all subscribers, as it has no broadcast.

Run as ``python -m bench.peers.picows_loop PORT`` by the Python of bench/.peers. Owns the set of subscribers. On uvloop,
with the transports of aiofastnet that picows brings along. A text is passed on as the bytes it came as. ``send`` never
waits: what a socket does not take is kept by the transport, without a bound. picows does not compress, and does not
ping unless it is told to.
"""

import json
import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

__all__ = ["Client", "main"]

_SUBSCRIBED = b'{"v":1,"topic":"system","type":"subscribed","data":{}}'


class Client(WSListener):
    """One connection, which subscribes, or publishes, by what it sends."""

    def __init__(self, subscribers: set[WSTransport]) -> None:
        super().__init__()
        self._subscribers = subscribers

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        text = frame.get_payload_as_bytes()
        if json.loads(text)["topic"] == "system":
            self._subscribers.add(transport)
            transport.send(WSMsgType.TEXT, _SUBSCRIBED)
            return
        for subscriber in self._subscribers:
            subscriber.send(WSMsgType.TEXT, text)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._subscribers.discard(transport)


async def _serve(port: int) -> None:
    subscribers: set[WSTransport] = set()

    def accept(request: WSUpgradeRequest) -> Client:
        return Client(subscribers)

    server = await ws_create_server(accept, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve on 127.0.0.1 at the port in ``sys.argv[1]`` until a signal ends the process."""
    uvloop.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
