"""What a client's bytes say as WebSocket frames: sans I/O, and strict where RFC 6455 §5 leaves a choice.

Owns what has arrived of a frame and of a fragmented message that are not whole yet.
"""

from typing import NamedTuple

from tornado.util import _websocket_mask

from actors.protocol.codes import CloseCode
from actors.protocol.frame import CLOSE, PING, PONG, TEXT

__all__ = ["BINARY", "FrameReader", "Received", "Violation"]

BINARY = 0x2

_CONTINUATION = 0x0
_CONTROL = frozenset({CLOSE, PING, PONG})
_STARTS = frozenset({TEXT, BINARY})
_FINAL = 0x80
_RESERVED = 0x70
_MASKED = 0x80
_CONTROL_BYTES = 125


class Violation(Exception):
    """A frame that breaks RFC 6455, and the close code that it names for that."""

    def __init__(self, code: CloseCode, rule: str) -> None:
        super().__init__(code, rule)
        self.code = code
        self.rule = rule

    def __str__(self) -> str:
        return self.rule


class Received(NamedTuple):
    """A whole message (opcode TEXT or BINARY), or a control frame."""

    opcode: int
    payload: bytes


class FrameReader:
    """``feed`` what came, then take ``next`` until there is None. ``max_bytes`` bounds a message, unmasked."""

    __slots__ = ("_at", "_bytes", "_message", "_opcode", "max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._bytes = b""
        self._at = 0  # of the first byte that is not read yet
        self._opcode = _CONTINUATION  # of the fragmented message under way
        self._message: bytearray | None = None

    def feed(self, data: bytes) -> None:
        self._bytes = self._bytes[self._at :] + data
        self._at = 0

    def next(self) -> Received | None:
        """The next message or control frame, if it is whole. Raises: Violation, after which nothing can be read."""
        while (frame := self._next_frame()) is not None:
            is_final, opcode, payload = frame
            if opcode in _CONTROL:
                return Received(opcode, payload)
            if is_final and self._message is None:
                return Received(opcode, payload)
            if (message := self._join(is_final, opcode, payload)) is not None:
                return message
        if self._at == len(self._bytes):
            self._bytes, self._at = b"", 0  # a connection that rests holds no bytes
        return None

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        data, at = self._bytes, self._at
        if len(data) < at + 2:
            return None
        first, second = data[at], data[at + 1]
        self._check(first, second)
        size, mask_at = second & ~_MASKED, at + 2
        if size > _CONTROL_BYTES:
            mask_at += 2 if size == 126 else 8
            if len(data) < mask_at:
                return None
            size = int.from_bytes(data[at + 2 : mask_at])
        if size + len(self._message or b"") > self.max_bytes and first & 0x0F not in _CONTROL:
            raise Violation(CloseCode.FRAME_TOO_BIG, "message too big")
        begin, end = mask_at + 4, mask_at + 4 + size
        if len(data) < end:
            return None
        self._at = end
        return bool(first & _FINAL), first & 0x0F, _websocket_mask(data[mask_at:begin], data[begin:end])

    def _check(self, first: int, second: int) -> None:
        """What a header's first two bytes can get wrong."""
        opcode = first & 0x0F
        if not second & _MASKED:
            raise Violation(CloseCode.PROTOCOL_ERROR, "frames from a client must be masked")
        if opcode in _CONTROL:
            legal = first & _FINAL and second & ~_MASKED <= _CONTROL_BYTES
        elif opcode == _CONTINUATION:
            legal = self._message is not None
        else:
            legal = opcode in _STARTS and self._message is None
        if first & _RESERVED or not legal:
            raise Violation(CloseCode.PROTOCOL_ERROR, "not a legal WebSocket frame")

    def _join(self, is_final: bool, opcode: int, payload: bytes) -> Received | None:
        """Put a fragment to those before it; the message, once it is whole."""
        if self._message is None:
            self._opcode, self._message = opcode, bytearray()
        self._message += payload
        if not is_final:
            return None
        message, self._message = self._message, None
        return Received(self._opcode, bytes(message))
