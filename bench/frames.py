"""WebSocket frames as a load generator needs them: build a client's, find a server's.

Owns no state, does no I/O. Source of the layout: RFC 6455 §5.2.
"""

from typing import NamedTuple

__all__ = ["CLOSE", "PING", "TEXT", "Frame", "client_frame", "client_pong", "next_frame", "server_frame"]

TEXT = 0x1
CLOSE = 0x8
PING = 0x9
_PONG = 0xA


class Frame(NamedTuple):
    """Where one whole frame lies in a buffer: payload ``buffer[start:end]``, next frame at ``end``."""

    opcode: int
    start: int
    end: int


def client_frame(payload: bytes) -> bytes:
    """One final, masked text frame around ``payload`` (at most 65,535 bytes).

    The masking key is zero: the server has the same work to unmask it, and bytes may be overwritten in place.

    Raises: ValueError when ``payload`` is longer.
    """
    return _header(len(payload), 0x80) + bytes(4) + payload


def client_pong(payload: bytes) -> bytes:
    """The masked answer to a ping with ``payload`` (at most 125 bytes, RFC 6455 §5.5)."""
    return bytes((0x80 | _PONG, 0x80 | len(payload))) + bytes(4) + payload


def server_frame(payload: bytes) -> bytes:
    """One final, unmasked text frame around ``payload`` (at most 65,535 bytes).

    Raises: ValueError when ``payload`` is longer.
    """
    return _header(len(payload), 0x00) + payload


def next_frame(buffer: bytes | bytearray, start: int, end: int) -> Frame | None:
    """The unmasked frame at ``start``, or None while ``buffer[start:end]`` holds only part of it."""
    if end - start < 2:
        return None
    length = buffer[start + 1]
    payload = start + 2
    if length == 126:
        payload = start + 4
        length = int.from_bytes(buffer[start + 2 : payload], "big")
    elif length == 127:
        payload = start + 10
        length = int.from_bytes(buffer[start + 2 : payload], "big")
    if payload > end or payload + length > end:
        return None
    return Frame(buffer[start] & 0x0F, payload, payload + length)


def _header(length: int, mask_bit: int) -> bytes:
    if length > 65_535:
        raise ValueError(f"payload: {length} bytes, at most 65535 fit this frame; send a shorter message")
    if length < 126:
        return bytes((0x80 | TEXT, mask_bit | length))
    return bytes((0x80 | TEXT, mask_bit | 126)) + length.to_bytes(2, "big")
