"""A subscriber that reads only when it is told to, over a real socket with a small window of its own."""

import asyncio
import fcntl
import json
import socket
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from gateways import RunningGateway, envelope
from node_peers import Closed
from wire import CLOSE, TEXT, RawClient

__all__ = ["WINDOW_BYTES", "SlowReader", "until_blocked"]

SIOCOUTQ, SIOCOUTQNSD = 0x5411, 0x894B
WINDOW_BYTES = 4096  # what this side's kernel takes in although nobody reads; it doubles the number
DEADLINE_S = 15.0


class SlowReader:
    """``frames`` holds every text frame that was read, decoded; ``closed`` how the gateway hung up, if it did."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self.frames: list[dict[str, Any]] = []
        self.closed: Closed | None = None

    @classmethod
    async def connected(cls, running: RunningGateway) -> Self:
        return cls(await RawClient.upgraded(running.port, receive_buffer=WINDOW_BYTES))

    async def subscribe(self, topics: Mapping[str, Mapping[str, object]]) -> dict[str, Any]:
        """Send the request and read as far as its answer, whose data is returned."""
        request = envelope("system", "subscribe", {"topics": topics})
        await self.send(request)
        await self.read_until(lambda frame: frame.get("re") == request["id"])
        data: dict[str, Any] = self.frames[-1]["data"]
        return data

    async def send(self, message: object) -> None:
        await self.client.send(TEXT, json.dumps(message).encode())

    async def read_until(self, wanted: Callable[[dict[str, Any]], object]) -> None:
        """Read until a frame is wanted. Raises: AssertionError where the gateway closes before."""
        async with asyncio.timeout(DEADLINE_S):
            while await self.read_one():
                if wanted(self.frames[-1]):
                    return
        raise AssertionError(f"closed {self.closed} after {self.frames[-3:]}")

    async def read_to_the_end(self) -> Closed | None:
        """Everything up to the close frame, or up to the end where none got through."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                while await self.read_one():
                    continue
            except ConnectionError:
                # A connection that was cut off ends here as well; ``closed`` stays None, which says so.
                return self.closed
        return self.closed

    async def read_one(self) -> bool:
        """Read one frame; False where there are no more."""
        frame = await self.client.frame()
        while frame is not None and frame.opcode not in (TEXT, CLOSE):
            frame = await self.client.frame()
        if frame is None:
            return False
        if frame.opcode == CLOSE:
            self.closed = Closed(int.from_bytes(frame.payload[:2]), frame.payload[2:].decode())
            return False
        self.frames.append(json.loads(frame.payload))
        return True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()


async def until_blocked(running: RunningGateway, topic: str, payload: str) -> list[int]:
    """Publish to ``topic`` until its newest client's kernel takes no more, for good; the positions.

    The reader's kernel may say up to 40 ms late what it has taken (delayed acknowledgement, RFC 9293 §3.8.6.3), and
    then there is room for more once again.
    """
    writer = list(running.gateway.clients)[-1].session.socket
    positions: list[int] = []
    while not (writer.blocked and nothing_under_way(writer._stream.socket)):
        if not writer.blocked:
            positions.append((await running.gateway.publish(topic, "filler", payload)).seq)
        await asyncio.sleep(0)
    return positions


def nothing_under_way(connection: socket.socket) -> bool:
    """Whether all that was sent is acknowledged: what else waits, waits for the reader."""
    unacknowledged, unsent = (_queued(connection, request) for request in (SIOCOUTQ, SIOCOUTQNSD))
    return unacknowledged == unsent


def _queued(connection: socket.socket, request: int) -> int:
    """Bytes of a queue of the kernel's. Source: tcp(7), linux/sockios.h."""
    return int.from_bytes(fcntl.ioctl(connection, request, bytes(4)), sys.byteorder)
