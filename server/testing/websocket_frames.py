"""WebSocket frames as bytes, from the client's side. Pure. Source: RFC 6455 §5.2."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import pack

__all__ = ["BINARY", "CLOSE", "CONTINUATION", "PING", "PONG", "TEXT", "FrameReader", "WireFrame", "frame_bytes"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = bytes.fromhex("37fa213d")  # any would do against a gateway under test; this is the one in RFC 6455 §5.7


@dataclass(frozen=True, slots=True)
class WireFrame:
    """One frame as it came from the gateway; ``first`` is its first byte: FIN, reserved bits and opcode."""

    first: int
    payload: bytes

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def is_final(self) -> bool:
        return bool(self.first & 0x80)


def frame_bytes(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True
) -> bytes:
    """A client's frame; ``reserved`` are the bits RSV1 to RSV3 as a number of 0 to 7."""
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    mask_bit = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        head = pack("!BB", first, mask_bit | size)
    elif size < 1 << 16:
        head = pack("!BBH", first, mask_bit | 126, size)
    else:
        head = pack("!BBQ", first, mask_bit | 127, size)
    return head + MASK + _masked(payload) if masked else head + payload


class FrameReader:
    """Owns the bytes of a frame that is not whole yet."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> Iterator[WireFrame]:
        """The frames that ``data`` completes."""
        self._received += data
        while (frame := self._take()) is not None:
            yield frame

    def _take(self) -> WireFrame | None:
        received = self._received
        if len(received) < 2:
            return None
        size, start = received[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(received[2:start]) if len(received) >= start else 0
        if len(received) < start + size or len(received) < start:
            return None
        frame = WireFrame(received[0], bytes(received[start : start + size]))
        del received[: start + size]
        return frame


def _masked(payload: bytes) -> bytes:
    mask = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(mask)).to_bytes(len(payload))
