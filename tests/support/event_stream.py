"""A reader of server-sent events that is only a socket, and the rules of the HTML Living Standard §9.2.6.

It shares nothing with the code under test, can stop reading, and can be cut off.
"""

import asyncio
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import pack
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from node_peers import Closed

__all__ = ["Event", "EventParser", "EventStream", "events_path"]

DEADLINE_S = 15.0
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """``id`` is the last event id as of this event, which need not be its own."""

    name: str
    data: str
    id: str


class Unchunked:
    """What a proxy sent in chunks, put together again. Source: RFC 9112 §7.1."""

    def __init__(self) -> None:
        self._rest = b""
        self.has_ended = False

    def feed(self, received: bytes) -> bytes:
        self._rest += received
        whole = b""
        while b"\r\n" in self._rest:
            head, _, body = self._rest.partition(b"\r\n")
            size = int(head, 16)
            if len(body) < size + 2:
                break
            whole, self._rest = whole + body[:size], body[size + 2 :]
            self.has_ended = size == 0
        return whole


class EventParser:
    """Owns what a browser's EventSource would keep: the last event id and the reconnection time."""

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry_ms: int | None = None
        self.retries = 0  # how often it was told a reconnection time
        self.comments = 0
        self._rest = b""
        self._name = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that ``chunk`` completes; an event without its empty line is none."""
        assert b"\r" not in chunk, "a line ends with LF alone here"
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [event for line in lines if (event := self._line(line.decode())) is not None]

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "":
                self.comments += 1
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id":
                self._id = value
            case "retry":
                self.retry_ms = int(value)
                self.retries += 1
            case _:
                raise AssertionError(f"a field that is none of the standard's: {line!r}")
        return None

    def _dispatch(self) -> Event | None:
        self.last_event_id = self._id
        name, data, self._name, self._data = self._name, self._data, "", []
        return Event(name or "message", "\n".join(data), self.last_event_id) if data else None


def events_path(topics: Sequence[str], **parameters: str) -> str:
    return "/api/events?" + urlencode([("topic", topic) for topic in topics] + list(parameters.items()))


class EventStream:
    """One connection; as a context it is closed at its end. ``frames`` has every envelope that was read."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = b""
        self._events: list[Event] = []
        self._taken_id = ""
        self.head = ""
        self.parser = EventParser()
        self._chunks: Unchunked | None = None
        self.frames: list[dict[str, Any]] = []
        self.ids: list[str] = []

    @classmethod
    async def connected(
        cls,
        port: int,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
    ) -> Self:
        """A stream whose head was read. Raises: AssertionError where it is not answered with 200."""
        stream = await cls.asked(port, path, headers=headers, receive_buffer=receive_buffer)
        try:
            await stream.read_head()
            assert stream.status == 200, stream.head
        except BaseException:
            stream.close()
            raise
        return stream

    @classmethod
    async def asked(
        cls,
        port: int,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
    ) -> Self:
        """A connection with the request sent, and nothing read."""
        connection = socket.socket()
        connection.setblocking(False)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        stream = cls(connection)
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
            lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
            lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
            await stream.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        except BaseException:
            connection.close()
            raise
        return stream

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"the last frames of this stream: {self.frames[-5:]}; it was answered {self.head!r}")
        self.close()

    @property
    def status(self) -> int:
        return int(self.head.split(" ", 2)[1])

    @property
    def last_event_id(self) -> str:
        """With what an EventSource would come back now, that has handled what was taken from here."""
        return self._taken_id

    def header(self, name: str) -> str | None:
        """The one header of that name. Raises: AssertionError where there are several."""
        pairs = (line.partition(":") for line in self.head.split("\r\n")[1:])
        values = [value.strip() for key, _, value in pairs if key.lower() == name.lower()]
        assert len(values) <= 1, self.head
        return values[0] if values else None

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def read_head(self) -> None:
        while b"\r\n\r\n" not in self._received:
            assert await self.receive(), "hung up before it had answered"
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        self.head = head.decode("latin-1")
        if self.header("Transfer-Encoding") == "chunked":
            self._chunks = Unchunked()

    async def event(self) -> Event | None:
        """The next event; None at the end of the stream. Raises: ConnectionError where it was cut off."""
        while not self._events:
            if self._chunks is not None and self._chunks.has_ended:
                return None
            if not self._received and not await self.receive():
                return None
            received, self._received = self._received, b""
            self._events += self.parser.feed(received if self._chunks is None else self._chunks.feed(received))
        event = self._events.pop(0)
        self._taken_id = event.id
        return event

    async def frame(self) -> dict[str, Any]:
        """The next envelope. Raises: AssertionError at the end, and at an event that is no ``message``."""
        event = await self.event()
        assert event is not None, f"the stream ended after {self.frames[-3:]}"
        assert event.name == "message", event
        self.frames.append(json.loads(event.data))
        self.ids.append(event.id)
        return self.frames[-1]

    async def frame_of_type(self, wanted: str) -> dict[str, Any]:
        while (frame := await self.frame())["type"] != wanted:
            continue
        return frame

    async def until_at(self, seq: int) -> None:
        """Read as far as the message at that position."""
        while (await self.frame()).get("seq") != seq:
            continue

    async def closed(self) -> Closed | None:
        """What the last event said, and nothing came behind it; None where there was none."""
        said = None
        while (event := await self.event()) is not None:
            assert said is None, f"behind the last event came {event}"
            if event.name == "closed":
                told = json.loads(event.data)
                said = Closed(told["code"], told["reason"])
            else:
                self.frames.append(json.loads(event.data))
        return said

    async def rest(self) -> bytes:
        """Everything up to the end of the connection, by FIN or by RST."""
        try:
            while await self.receive():
                continue
        except ConnectionError:
            # A reset is one of the two ends that are waited for, and says no more than that.
            return self._received
        return self._received

    async def receive(self, most_bytes: int = CHUNK_BYTES) -> bool:
        """Take up to so many bytes from the kernel; False at the end."""
        async with asyncio.timeout(DEADLINE_S):
            chunk = await asyncio.get_running_loop().sock_recv(self._socket, most_bytes)
        self._received += chunk
        return bool(chunk)

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Cut the connection off with a RST."""
        if self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
            self._socket.close()
