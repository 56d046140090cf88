"""A client that comes back, over a WebSocket or as a stream of events, and the account of all its visits.

``Position`` is what a client remembers of a topic: what it was told or has received last (docs/protocol.md §4).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from event_stream import EventStream, events_path
from gateways import RunningGateway, envelope
from wire import CLOSE, TEXT, RawClient

from actors.protocol.envelope import Seq, TopicName
from actors.protocol.sse import cursor_of

__all__ = ["TRANSPORTS", "Account", "EventVisit", "SocketVisit", "Visit", "visit_of"]

TRANSPORTS = ("websocket", "events")
OWN = TopicName("user:anonymous")


class Visit(Protocol):
    """One connection, which begins with ``subscribed``; ``code`` is the gateway's close code, once it came."""

    code: int | None

    async def frame(self) -> dict[str, Any] | None:
        """The next envelope; None at the end. Raises: ConnectionError where it was cut off."""

    async def receive(self, most_bytes: int) -> bool: ...

    def close(self) -> None: ...

    def reset(self) -> None: ...


class SocketVisit:
    def __init__(self, client: RawClient) -> None:
        self._client = client
        self.code: int | None = None
        self.receive, self.close, self.reset = client.receive, client.close, client.reset

    @classmethod
    async def begin(cls, port: int, topics: Sequence[str], positions: Mapping[str, int | str]) -> Self:
        client = await RawClient.upgraded(port)
        asked = {topic: {"since": positions[topic]} if topic in positions else {} for topic in topics}
        try:
            await client.send(TEXT, json.dumps(envelope("system", "subscribe", {"topics": asked})).encode())
        except BaseException:
            client.close()
            raise
        return cls(client)

    async def send_half_a_frame(self) -> None:
        await self._client.send_bytes(b"\x81\xfe\x01\x00half")

    async def frame(self) -> dict[str, Any] | None:
        while (frame := await self._client.frame()) is not None:
            if frame.opcode == TEXT:
                decoded: dict[str, Any] = json.loads(frame.payload)
                return decoded
            if frame.opcode == CLOSE:
                self.code = int.from_bytes(frame.payload[:2])
                return None
        return None


class EventVisit:
    def __init__(self, stream: EventStream) -> None:
        self.stream = stream
        self.code: int | None = None
        self.receive, self.close, self.reset = stream.receive, stream.close, stream.reset

    @classmethod
    async def begin(cls, port: int, topics: Sequence[str], positions: Mapping[str, int | str]) -> Self:
        parameters = {}
        if positions:
            names = [*(TopicName(topic) for topic in topics), OWN]
            seqs = {TopicName(topic): Seq(int(seq)) for topic, seq in positions.items()}
            parameters = {"last_event_id": cursor_of(names, seqs)}
        return cls(await EventStream.connected(port, events_path(topics, **parameters)))

    async def frame(self) -> dict[str, Any] | None:
        event = await self.stream.event()
        if event is None:
            return None
        if event.name == "closed":
            self.code = json.loads(event.data)["code"]
            return None
        decoded: dict[str, Any] = json.loads(event.data)
        return decoded


async def visit_of(
    transport: str, running: RunningGateway, topics: Sequence[str], positions: Mapping[str, int | str]
) -> SocketVisit | EventVisit:
    kind = SocketVisit if transport == "websocket" else EventVisit
    return await kind.begin(running.port, topics, positions)


@dataclass(slots=True)
class Account:
    """What one client has of one topic after all its visits; ``position`` None before it was first told one.

    ``story`` has the messages as (prev, seq) and each declared loss as (None, the position after it or None).
    """

    position: int | None = None
    story: list[tuple[int | None, int | None]] = field(default_factory=list)

    def take(self, topic: str, frame: Mapping[str, Any]) -> None:
        if frame["topic"] == topic:
            self.story.append((frame["prev"], frame["seq"]))
            self.position = frame["seq"]
        elif frame["type"] == "gap" and frame["data"]["topic"] == topic:
            self.story.append((None, None))
        elif frame["type"] == "subscribed" and topic in frame["data"]["topics"]:
            self._take_answer(frame["data"]["topics"][topic])

    def _take_answer(self, answer: Mapping[str, Any]) -> None:
        if not answer["recovered"]:
            self.story.append((None, answer["seq"]))
        if not answer["replayed"]:
            assert not answer["recovered"] or self.position in (None, answer["seq"]), f"{self.position}, told {answer}"
            self.position = answer["seq"]

    def losses(self, published: Sequence[int], *, start: int) -> list[int]:
        """The positions that were declared lost. Raises: AssertionError at what came twice, late or never.

        ``published`` has every acknowledged position behind ``start``, in order.
        """
        order = {seq: at for at, seq in enumerate([start, *published])}
        here, is_open, lost = 0, False, []
        for prev, seq in self.story:
            if prev is None:
                is_open = True
                if seq is not None and seq in order:
                    assert order[seq] >= here, f"told to be at {seq}, and was at {here} before"
                    lost += published[here : order[seq]]
                    here = order[seq]
                continue
            assert seq in order, f"{seq} was never acknowledged"
            at = order[seq]
            assert at > here, f"{seq} came again, or late"
            if at != here + 1:
                assert is_open, f"{published[here : at - 1]} are missing, and nothing was said"
                lost += published[here : at - 1]
            else:
                assert prev == ([start, *published][here]), f"{seq} names {prev} as the one before it"
            here, is_open = at, False
        assert here == len(published), f"{len(published) - here} messages never came"
        return lost
