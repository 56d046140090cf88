"""A client's connection without a kernel: takes as many bytes as the test allows, and keeps what it took.

``FakeSocket`` owns the bytes that "reached the browser" and those that still wait in its buffer.
"""

import json
from collections.abc import Callable
from typing import Any

__all__ = ["FakeSocket", "payloads_of"]

TEXT = 0x1


def payloads_of(stream: bytes) -> list[tuple[int, bytes]]:
    """The whole frames in ``stream`` as (opcode, payload); read by RFC 6455 §5.2, not by the code under test."""
    frames = []
    at = 0
    while at + 2 <= len(stream):
        opcode, size, at = stream[at] & 0x0F, stream[at + 1] & 0x7F, at + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(stream[at : at + width], "big"), at + width
        if at + size > len(stream):
            break
        frames.append((opcode, stream[at : at + size]))
        at += size
    return frames


class FakeSocket:
    """Implements ``actors.ports.Socket``. ``room`` is how many more bytes the kernel takes; None is all of them.

    ``stall()`` is the moment at which the oldest unsent byte got too old.
    """

    def __init__(self, room: int | None = None) -> None:
        self.room = room
        self.received = bytearray()
        self.closed: tuple[int, str] | None = None
        self.gone = False
        self.blocked = False
        self.unsent_bytes = 0
        self.unsent_since: float | None = None
        self.send: Callable[[bytes], int] = self._send
        self._kept = bytearray()
        self._on_change: Callable[[], None] = lambda: None
        self.stall: Callable[[], None] = lambda: None

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """What the browser has received in whole frames, as (opcode, payload)."""
        return payloads_of(bytes(self.received))

    @property
    def stream(self) -> bytes:
        """Everything that was given to this socket, what still waits in it included."""
        return bytes(self.received + self._kept)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The text frames, decoded by the standard library's JSON."""
        return [json.loads(payload) for opcode, payload in self.frames if opcode == TEXT]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    def watch(self, on_change: Callable[[], None], on_stall: Callable[[], None]) -> None:
        self._on_change = on_change
        self.stall = on_stall

    def write(self, frames: bytes | memoryview) -> None:
        if self.gone or self.closed:
            return
        data = bytes(frames)
        taken = 0 if self.blocked else self._take(data)
        if taken < len(data):
            self._kept += data[taken:]
            self.unsent_bytes += len(data) - taken
            self._set_blocked(True)

    def close(self, code: int, reason: str) -> None:
        assert self.closed is None, f"closed twice: {self.closed} and then {code} {reason}"
        self.closed = (code, reason)

    def let_through(self, room: int | None) -> None:
        """The browser reads: the kernel takes up to ``room`` bytes more, the kept ones first."""
        self.room = room
        taken = self._take(bytes(self._kept))
        del self._kept[:taken]
        if self.blocked and not self._kept:
            self.unsent_bytes = 0
            self._set_blocked(False)

    def _send(self, frame: bytes) -> int:
        assert not self.blocked, "send() overtakes the bytes that wait in the socket"
        if self.gone:
            raise ConnectionResetError("the browser is gone")
        taken = self._take(frame)
        if not taken and frame:
            raise BlockingIOError
        return taken

    def _take(self, data: bytes) -> int:
        taken = len(data) if self.room is None else min(self.room, len(data))
        self.received += data[:taken]
        if self.room is not None:
            self.room -= taken
        return taken

    def _set_blocked(self, blocked: bool) -> None:
        if self.blocked is not blocked:
            self.blocked = blocked
            self._on_change()
