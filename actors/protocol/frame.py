"""A message's bytes on a WebSocket: header and payload in one piece, built once and shared by all.

Source: RFC 6455 §5.2; frames from a server carry no mask, so every subscriber gets the same bytes.
"""

from struct import pack

__all__ = ["CLOSE", "PING", "PONG", "TEXT", "close_frame", "frame_of", "text_frame"]

TEXT = 0x1
CLOSE = 0x8
PING = 0x9
PONG = 0xA

_FINAL = 0x80


def frame_of(opcode: int, payload: bytes) -> bytes:
    """One unfragmented frame of ``opcode``."""
    size = len(payload)
    if size < 126:
        return pack("!BB", _FINAL | opcode, size) + payload
    if size < 1 << 16:
        return pack("!BBH", _FINAL | opcode, 126, size) + payload
    return pack("!BBQ", _FINAL | opcode, 127, size) + payload


def text_frame(payload: bytes) -> bytes:
    return frame_of(TEXT, payload)


def close_frame(code: int, reason: str) -> bytes:
    """``reason`` must fit: at most 123 bytes of UTF-8 (see ``codes.close_reason``)."""
    return frame_of(CLOSE, pack("!H", code) + reason.encode())
