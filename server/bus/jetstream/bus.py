"""JetStreamBus: the bus on NATS JetStream, one end of it in each worker."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from actors.ports import BusUnavailable, Deliveries, Placed, Top
from actors.protocol.envelope import Envelope, Seq, TopicName
from server.bus.answers import Answers
from server.bus.door import Door
from server.bus.followed import FollowedTopic, Stored
from server.bus.following import Following
from server.bus.jetstream.connections import Connections
from server.bus.jetstream.dial import Dial
from server.bus.jetstream.names import Names, message_id
from server.bus.jetstream.places import Places
from server.bus.jetstream.refusals import NO_STREAM, STORE, Refused, refusal_of
from server.bus.jetstream.stored import STREAM_SEQ, BadRecord, Record, text_of
from server.bus.jetstream.writer import Waiting, Writer
from server.bus.life import Life, LineLost, Timing
from server.bus.rounds import rounds
from server.bus.under_way import UnderWay
from server.config import HistoryConfig

__all__ = ["JetStreamBus"]

HEADERS_BYTES = 1024  # more than the headers of a message have
RETRY_AFTER_S = 1

T = TypeVar("T")

log = logging.getLogger("fanwire.bus")


class JetStreamBus:
    """Implements ``actors.ports.Bus``, and ``server.bus.followed.Store`` for the topics that are followed here.

    ``bounds_of`` says how many messages of a topic are kept, and for how long; ``largest`` are the widest of these.
    Positions and messages are JetStream's: this end of it owns what it knows of their places, and the writers.
    """

    def __init__(
        self,
        url: str,
        prefix: str,
        bounds_of: Callable[[TopicName], HistoryConfig],
        largest: HistoryConfig,
        timing: Timing | None = None,
    ) -> None:
        """Raises: ValueError where ``url`` cannot be read."""
        self._timing = timing or Timing()
        self._dial = Dial(url, self._timing.answer_s)
        self._names = Names(prefix)
        self._bounds_of = bounds_of
        self._largest = largest
        self._door = Door()
        self._life = Life(self._connect, self._come_up, self._timing.back_off_s)
        self._answers = Answers(STORE, self._life, self._timing.answer_s)
        self._following = Following(self, self._door, self._forget)
        self._under_way = UnderWay(STORE)
        self.epoch: str | None = None
        self._heard: dict[TopicName, asyncio.Future[Subscription]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._writers: dict[TopicName, Writer] = {}
        self._written, self._delivered = Places(), Places()

    def start(self, deliveries: Deliveries) -> None:
        self._door.open(deliveries)
        self._life.begin()

    def stop(self) -> None:
        self._door.shut()
        self._life.end()

    async def close(self) -> None:
        self.stop()
        await self._life.until_ended()

    @property
    def ready(self) -> bool:
        return self._life.connections is not None

    def top(self, topic: TopicName) -> Top:
        return self._following.top(topic)

    async def newest(self, topic: TopicName) -> Top:
        record = await self._answered(self._answers.there().reader.last(topic))
        return Top() if record is None else record.top

    def follow(self, topic: TopicName) -> FollowedTopic:
        self._answers.there()
        return self._following.follow(topic)

    def publish(self, envelope: Envelope, *, deduplicate: bool) -> Awaitable[Placed]:
        """Publishes to one topic go out in the order of these calls, whoever awaits their results first."""
        connections, topic = self._answers.there(), envelope.topic
        self._following.admit(topic)
        text = text_of(envelope)
        self._under_way.admit(len(text))
        if len(text) + HEADERS_BYTES > connections.talk.max_payload:
            raise BusUnavailable("bus: the message is larger than NATS takes (max_payload)", RETRY_AFTER_S)
        loop = asyncio.get_running_loop()
        once = message_id(topic, envelope.id) if deduplicate else None
        waiting = Waiting(text, once, loop.time() + self._timing.answer_s, loop.create_future())
        self._under_way.add(waiting.placed, len(text))
        self._writer(topic, connections).add(waiting)
        return self._placed(topic, waiting)

    def _writer(self, topic: TopicName, connections: Connections) -> Writer:
        writer = self._writers.get(topic)
        if writer is None:
            subject, answer_s = self._names.subject(topic), self._timing.answer_s
            writer = self._writers[topic] = Writer(
                topic, subject, connections.talk, connections.reader, self._written, _now_us, answer_s, self._has_ended
            )
        return writer

    def _has_ended(self, writer: Writer) -> None:
        if self._writers.get(writer.topic) is writer:
            del self._writers[writer.topic]

    async def _placed(self, topic: TopicName, waiting: Waiting) -> Placed:
        """Raises: BusUnavailable, which says where it is not known whether the message was stored."""
        placed = await waiting.placed
        self._following.note(topic, placed)
        return placed

    async def subscribe(self, topic: TopicName) -> None:
        connections = self._answers.there()
        known = self._heard.get(topic)
        if known is None:
            self._heard[topic] = known = self._listen(connections, topic)
        await self._answered(asyncio.shield(known))
        await self._answered(connections.talk.settled(self._timing.answer_s))

    def _listen(self, connections: Connections, topic: TopicName) -> "asyncio.Future[Subscription]":
        return asyncio.ensure_future(connections.talk.listen(self._names.live(topic), self._hear))

    async def read(self, topic: TopicName, after: Seq, limit: int) -> Stored:
        reader = self._answers.there().reader
        return await self._answered(reader.page(topic, after, limit, self._bounds_of(topic)))

    async def _answered(self, answer: Awaitable[T]) -> T:
        """Raises: BusUnavailable."""
        connections = self._life.connections
        try:
            return await self._answers.of(answer)
        except Refused as refused:
            if refused.err_code == NO_STREAM and connections is not None:
                connections.lose("the stream is gone")  # connecting again makes it again
            raise refusal_of(refused) from None
        except BadRecord as record:
            raise BusUnavailable(f"bus: not a message of Fanwire: {record}", RETRY_AFTER_S) from None

    def _forget(self, topic: TopicName) -> None:
        self._delivered.forget(topic)
        heard = self._heard.pop(topic, None)
        if heard is not None and self._life.connections is not None:
            leaving = asyncio.ensure_future(self._leave(self._life.connections, heard))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _leave(self, connections: Connections, heard: "asyncio.Future[Subscription]") -> None:
        try:
            await connections.talk.leave(await heard)
        except LineLost as lost:
            log.debug("nothing is heard any more: %s", lost)

    async def _hear(self, message: Msg) -> None:
        followed = self._following.get(self._names.topic_of(message.subject))
        if followed is None:
            return
        headers = message.headers or {}
        try:
            stream_seq = int(headers.get(STREAM_SEQ, "0"))
            envelope = Record(stream_seq, headers, message.data).envelope
        except (BadRecord, ValueError):
            log.warning("not a message of Fanwire on a subject of its own", extra={"topic": followed.topic})
            followed.fall_behind()
            return
        self._written.put(followed.topic, envelope.seq, stream_seq)
        followed.hear(envelope)
        if followed.last == envelope.seq:
            self._delivered.put(followed.topic, envelope.seq, stream_seq)

    def _overflowed(self, subject: str) -> None:
        """nats-py let a message go, because this worker does not keep up."""
        followed = self._following.get(self._names.topic_of(subject))
        if followed is not None:
            followed.fall_behind()

    def _connect(self) -> Connections:
        return Connections(self._dial, self._names, self._largest, self._delivered, self._overflowed, self._timing)

    def _come_up(self, connections: Connections) -> None:
        """What places hold now is not known: another server may be there, or this one after a crash."""
        self.epoch = connections.epoch
        self._written.forget_all()
        self._writers.clear()
        everything = self._following.everything
        self._heard = {one.topic: self._listen(connections, one.topic) for one in everything()}
        for work in (self._go_on(connections), rounds(self._timing.audit_s, everything, self._compare)):
            connections.on_lost(asyncio.ensure_future(work).cancel)

    async def _go_on(self, connections: Connections) -> None:
        """Live messages of a topic go on once everything that was missed is delivered."""
        followed = self._following.everything()
        try:
            await asyncio.gather(*self._heard.values())
            await connections.talk.settled(self._timing.answer_s)
        except LineLost as lost:
            connections.lose(str(lost))
            return
        for one in followed:
            one.fall_behind()

    async def _compare(self, some: Sequence[FollowedTopic]) -> None:
        """What was lost on its way without a later message to show it is found here. Raises: BusUnavailable."""
        reader = self._answers.there().reader
        tops = await self._answered(reader.newest([followed.topic for followed in some]))
        for followed in some:
            followed.compare(tops.get(followed.topic, Seq(0)))


def _now_us() -> int:
    return time.time_ns() // 1000
