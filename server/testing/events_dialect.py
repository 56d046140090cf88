"""A stream of server-sent events without its I/O, read as a browser's EventSource would. Pure.

Source: HTML Living Standard §9.2.6; for chunks, which a proxy may make, RFC 9112 §7.1.
"""

import json
from collections.abc import Iterator, Mapping

from server.testing.dialect import Closed, Ended, Happening, Opened, Text, TurnedAway, take_head

__all__ = ["EventsDialect"]


class EventsDialect:
    """Implements ``Dialect``; it only listens."""

    def __init__(self, host: str, path: str, headers: Mapping[str, str]) -> None:
        self._host = host
        self._path = path
        self._headers = headers
        self._head = b""
        self._lines: _Lines | None = None
        self._refused_with: int | None = None
        self._name, self._data, self._id = "", "", ""

    def greeting(self) -> bytes:
        fields = {"Host": self._host, "Accept": "text/event-stream", **self._headers}
        lines = [f"GET {self._path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def feed(self, data: bytes) -> Iterator[Happening]:
        if self._lines is None:
            self._head += data
            taken = take_head(self._head)
            if taken is None:
                return
            status, headers, data = taken
            if status != 200:
                yield TurnedAway.by(status, data)
                return
            self._lines = _Lines(headers.get("transfer-encoding") == "chunked")
            yield Opened()
        for line in self._lines.feed(data):
            yield from self._line(line)

    def text(self, text: str) -> bytes | None:
        return None

    def farewell(self) -> bytes:
        return b""

    def _line(self, line: str) -> Iterator[Happening]:
        if not line:
            yield from self._dispatch()
        field, _, value = line.partition(":")
        match field:
            case "event":
                self._name = value.removeprefix(" ")
            case "data":
                self._data += value.removeprefix(" ")
            case "id":
                self._id = value.removeprefix(" ")

    def _dispatch(self) -> Iterator[Happening]:
        name, data, self._name, self._data = self._name, self._data, "", ""
        if name == "closed":
            said = json.loads(data)
            yield Ended(Closed(said["code"], said["reason"]))
        elif data:
            yield Text(data, self._id)


class _Lines:
    """Owns the beginning of a line, and of a chunk, that is not whole yet."""

    def __init__(self, is_chunked: bool) -> None:
        self._is_chunked = is_chunked
        self._chunks = b""
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        *lines, self._rest = (self._rest + self._unchunked(data)).split(b"\n")
        return [line.decode().removesuffix("\r") for line in lines]

    def _unchunked(self, data: bytes) -> bytes:
        if not self._is_chunked:
            return data
        self._chunks += data
        whole = b""
        while b"\r\n" in self._chunks:
            head, _, body = self._chunks.partition(b"\r\n")
            size = int(head, 16)
            if len(body) < size + 2:
                break
            whole, self._chunks = whole + body[:size], body[size + 2 :]
        return whole
