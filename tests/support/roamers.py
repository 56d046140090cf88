"""Clients and publishers of a gateway whose processes come and go: they come back, and keep account.

A ``Roamer`` owns the account of what it got, a ``Sender`` the list of what was acknowledged to it; ``Account.losses``
is the offline check that holds the one against the other.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice
from typing import Any

from gateways import envelope
from visits import TRANSPORTS, Account, EventVisit, SocketVisit

__all__ = ["Roamer", "Sender", "all_at", "roamers", "senders"]

ANSWER_S = 5.0
CATCH_UP_S = 20.0


class Roamer:
    """A client on ``port`` that comes back with its position after every end, at once.

    ``ends`` counts how connections ended: the close code, 0 where there was none. ``turned_away`` has what it was told
    instead of being let in, ``announced_ms`` the ``after_ms`` of each ``reconnect``.
    """

    def __init__(self, port: int, topic: str, transport: str) -> None:
        self.port, self.topic = port, topic
        self.account = Account()
        self.ends: Counter[int] = Counter()
        self.turned_away: list[str] = []
        self.announced_ms: list[int] = []
        self._kind = SocketVisit if transport == "websocket" else EventVisit
        self._at = asyncio.Condition()

    async def run(self) -> None:
        """For ever; to be cancelled."""
        while True:
            visit = await self._begun()
            if visit is None:
                await asyncio.sleep(0)  # a refusal needs no turn of the loop, and others need theirs
            else:
                await self._read(visit)

    def __repr__(self) -> str:
        kind, here = self._kind.__name__, self.account.position
        return f"<{kind} at {here}, ended {dict(self.ends)}, turned away {self.turned_away[-2:]}>"

    async def until(self, seq: int) -> None:
        """Return when it has that position. Raises: TimeoutError."""
        async with asyncio.timeout(CATCH_UP_S), self._at:
            await self._at.wait_for(lambda: self.account.position is not None and self.account.position >= seq)

    async def _begun(self) -> SocketVisit | EventVisit | None:
        here = self.account.position
        try:
            return await self._kind.begin(self.port, [self.topic], {} if here is None else {self.topic: here})
        except ConnectionRefusedError:
            self.turned_away.append("nobody listens")
        except ConnectionError:
            self.ends[0] += 1
        except AssertionError as answer:
            # To be hung up on without an answer is how the end of a process looks; any answer but yes is a refusal.
            if "hung up" in str(answer):
                self.ends[0] += 1
            else:
                self.turned_away.append(str(answer))
        return None

    async def _read(self, visit: SocketVisit | EventVisit) -> None:
        try:
            while (frame := await visit.frame()) is not None:
                if self.topic in frame["data"].get("refused", ()):
                    self.turned_away.append(str(frame["data"]["refused"]))
                    return
                await self._take(frame)
            self.ends[visit.code or 0] += 1
        except ConnectionError:
            self.ends[0] += 1
        finally:
            visit.close()

    async def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "reconnect":
            self.announced_ms.append(frame["data"]["after_ms"])
        self.account.take(self.topic, frame)
        async with self._at:
            self._at.notify_all()


class Sender:
    """A backend that publishes over HTTP as fast as it is answered; whatever fails goes out again with the same id."""

    def __init__(self, port: int, topic: str) -> None:
        self.port, self.topic = port, topic
        self.acknowledged: list[int] = []
        self.refusals: Counter[int] = Counter()
        self.reconnects = 0
        self._stopping = False
        self._got = asyncio.Condition()
        self._message: dict[str, Any] | None = None
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Until ``finish``; what was begun is acknowledged before it ends."""
        try:
            while self._goes_on:
                await self._connection()
                await asyncio.sleep(0)
        finally:
            self._ended.set()

    async def finish(self) -> None:
        """Begin nothing more, and return when all is acknowledged. Raises: TimeoutError."""
        self._stopping = True
        async with asyncio.timeout(CATCH_UP_S):
            await self._ended.wait()

    async def until_acknowledged(self, more: int) -> None:
        """Return after so many further messages. Raises: TimeoutError."""
        wanted = len(self.acknowledged) + more
        async with asyncio.timeout(CATCH_UP_S), self._got:
            await self._got.wait_for(lambda: len(self.acknowledged) >= wanted)

    @property
    def _goes_on(self) -> bool:
        return self._message is not None or not self._stopping

    async def _connection(self) -> None:
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            while self._goes_on:
                self._message = self._message or envelope(self.topic)
                if await self._post(reader, writer, self._message):
                    self._message = None
        except (ConnectionError, asyncio.IncompleteReadError):
            self.reconnects += 1
        finally:
            if writer is not None:
                writer.close()

    async def _post(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: dict[str, Any]) -> bool:
        body = json.dumps(message).encode()
        head = f"POST /api/publish HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        async with asyncio.timeout(ANSWER_S):
            status, answer = await _response(reader)
        if status == 200:
            async with self._got:
                self.acknowledged.append(json.loads(answer)["seq"])
                self._got.notify_all()
        else:
            assert status == 503, answer
            self.refusals[status] += 1
        return status == 200


async def _response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body. Raises: asyncio.IncompleteReadError."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
    body = await reader.readexactly(int(fields["content-length"]))
    return int(head.split(" ", 2)[1]), body


@asynccontextmanager
async def roamers(port: int, topic: str, count: int) -> AsyncIterator[list[Roamer]]:
    """So many of them, every second one over a WebSocket, the others on streams of events; all are subscribed."""
    crowd = [Roamer(port, topic, transport) for transport in islice(cycle(TRANSPORTS), count)]
    async with _running(crowd):
        await asyncio.gather(*(roamer.until(0) for roamer in crowd))
        yield crowd


@asynccontextmanager
async def senders(port: int, topic: str, count: int) -> AsyncIterator[list[Sender]]:
    backends = [Sender(port, topic) for _ in range(count)]
    async with _running(backends):
        yield backends


async def all_at(crowd: Sequence[Roamer], seq: int) -> None:
    """Everybody has that position. Raises: AssertionError with those who have not."""
    try:
        await asyncio.gather(*(roamer.until(seq) for roamer in crowd))
    except TimeoutError:
        behind = [roamer for roamer in crowd if (roamer.account.position or 0) < seq]
        raise AssertionError(f"{len(behind)} of {len(crowd)} never came to {seq}: {behind[:3]}") from None


@asynccontextmanager
async def _running(parts: Sequence[Roamer | Sender]) -> AsyncIterator[None]:
    """Their tasks, whose failure is the test's."""
    tasks = [asyncio.ensure_future(part.run()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome
