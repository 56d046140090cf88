"""A WebSocket without its I/O: the handshake, text frames, and the answers that RFC 6455 wants. Pure.

It is written here, and not borrowed from Tornado or a library, for three things that those do not let a test do:
stop reading at a given frame, send bytes that no client should, and share no line with the code under test.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence

from server.testing import websocket_frames as ws
from server.testing.dialect import Closed, Ended, Happening, Opened, Reply, Text, TurnedAway, take_head

__all__ = ["WebSocketDialect"]

_KEY = base64.b64encode(b"a key of a test.").decode()
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
NORMAL = b"\x03\xe8"


class WebSocketDialect:
    """Implements ``Dialect``. ``subprotocols`` carry the token, as a browser sends it."""

    def __init__(self, host: str, path: str, subprotocols: Sequence[str], *, answers_pings: bool = True) -> None:
        self._host = host
        self._path = path
        self._subprotocols = subprotocols
        self._answers_pings = answers_pings
        self._head = b""
        self._is_open = False
        self._frames = ws.FrameReader()
        self._parts: list[bytes] = []

    def greeting(self) -> bytes:
        fields = {
            "Host": self._host,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": _KEY,
            **({"Sec-WebSocket-Protocol": ", ".join(self._subprotocols)} if self._subprotocols else {}),
        }
        lines = [f"GET {self._path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def feed(self, data: bytes) -> Iterator[Happening]:
        if not self._is_open:
            self._head += data
            taken = take_head(self._head)
            if taken is None:
                return
            status, headers, data = taken
            if status != 101:
                yield TurnedAway.by(status, data)
                return
            _check_accept(headers)
            self._is_open = True
            yield Opened()
        for frame in self._frames.feed(data):
            yield from self._take(frame)

    def text(self, text: str) -> bytes | None:
        return ws.frame_bytes(ws.TEXT, text.encode())

    def farewell(self) -> bytes:
        return ws.frame_bytes(ws.CLOSE, NORMAL)

    def _take(self, frame: ws.WireFrame) -> Iterator[Happening]:
        match frame.opcode:
            case ws.TEXT | ws.BINARY | ws.CONTINUATION:
                yield from self._part(frame)
            case ws.PING if self._answers_pings:
                yield Reply(ws.frame_bytes(ws.PONG, frame.payload))
            case ws.CLOSE:
                yield Reply(ws.frame_bytes(ws.CLOSE, frame.payload[:2]))
                yield Ended(_closed(frame.payload))

    def _part(self, frame: ws.WireFrame) -> Iterator[Happening]:
        self._parts.append(frame.payload)
        if frame.is_final:
            whole, self._parts = b"".join(self._parts), []
            yield Text(whole.decode())


def _check_accept(headers: Mapping[str, str]) -> None:
    """Raises: ValueError where this is not the answer to our handshake."""
    digest = hashlib.sha1((_KEY + _GUID).encode(), usedforsecurity=False).digest()
    if headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
        raise ValueError(f"Sec-WebSocket-Accept is wrong: {headers.get('sec-websocket-accept')!r}")


def _closed(payload: bytes) -> Closed:
    if len(payload) < 2:
        return Closed(1005)
    return Closed(int.from_bytes(payload[:2]), payload[2:].decode(errors="replace"))
