"""The socket of a stream of events: an HTTP response without an end, written by the same writer as a WebSocket."""

import asyncio
import random

from tornado.iostream import IOStream, StreamClosedError

from actors.meter import Meter
from actors.protocol.codec import encode
from actors.protocol.codes import CloseCode
from actors.protocol.sse import ENDED, event, retry
from server.socket_writer import SocketWriter

__all__ = ["EventSocket", "retry_soon"]

LINGER_S = 1.0  # for the last event, where it waits behind a stalled reader's backlog
CHATTER_BYTES = 64 * 1024
RETRY_MS = (500, 1500)  # at random, so that those who lost their connection together do not come back together

_STAYS_AWAY = frozenset(
    {
        CloseCode.NORMAL,
        CloseCode.GOING_AWAY,
        CloseCode.PROTOCOL_ERROR,
        CloseCode.INVALID_TEXT,
        CloseCode.FRAME_TOO_BIG,
        CloseCode.PROTOCOL_VIOLATION,
        CloseCode.ORIGIN_FORBIDDEN,
    }
)
"""Whom these tell to stay away (docs/protocol.md §7) is stopped when its EventSource comes back by itself."""


def retry_soon() -> bytes:
    """What an EventSource is told of how long to wait before it comes back."""
    return retry(random.randint(*RETRY_MS))  # noqa: S311 - spreads load


def nothing_taken(frame: bytes) -> int:
    """The frames that all WebSockets share mean nothing here: every message goes through the mailbox."""
    return 0


class EventSocket(SocketWriter):
    """Implements ``actors.ports.Socket``. ``close_code`` is what the client was told, if it was."""

    __slots__ = ("close_code",)

    def __init__(self, stream: IOStream, stall_s: float, meter: Meter) -> None:
        super().__init__(stream, stall_s, meter)
        self.send = nothing_taken
        self.close_code: int | None = None

    def close(self, code: int, reason: str) -> None:
        """Say why in a last event, of type ``closed``, and hang up."""
        if self.close_code is not None:
            return
        self.close_code = int(code)
        data = encode({"code": self.close_code, "reason": reason})
        # An EventSource obeys nothing but ``retry``, and a proxy or a polyfill may have lost the one at the beginning.
        again = b"" if code in _STAYS_AWAY else retry_soon()
        self.write(again + event("closed", data, ENDED if code in _STAYS_AWAY else None))
        asyncio.get_running_loop().call_later(LINGER_S if self.blocked else 0.0, self.cut_off)

    def cut_off(self) -> None:
        self._stream.close()

    async def until_gone(self) -> None:
        """Read what the client has no business to say, and return when it has left, or has said too much."""
        heard = 0
        while heard <= CHATTER_BYTES:
            try:
                heard += len(await self._stream.read_bytes(CHATTER_BYTES, partial=True))
            except StreamClosedError:
                return
        self.cut_off()
