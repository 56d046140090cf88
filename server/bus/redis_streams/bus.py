"""RedisBus: the bus on Redis Streams, one end of it in each worker."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from redis.exceptions import NoScriptError, RedisError

from actors.ports import BusUnavailable, Deliveries, Placed, Top
from actors.protocol.envelope import Envelope, Seq, TopicName
from server.bus.answers import Answers
from server.bus.door import Door
from server.bus.followed import FollowedTopic, Stored
from server.bus.following import Following
from server.bus.life import Life, LineLost, Timing
from server.bus.redis_streams.connections import Connections
from server.bus.redis_streams.epoch import Epoch
from server.bus.redis_streams.keys import Keys
from server.bus.redis_streams.refusals import STORE, gone, refusal_of
from server.bus.redis_streams.script import DUPLICATES_S, PUBLISH, PUBLISH_SHA, TOP_TTL_S
from server.bus.redis_streams.stored import BadRecord, heard, page_from, text_of, top_from
from server.bus.redis_streams.wire import dial_of
from server.bus.refusals import unknown
from server.bus.rounds import rounds
from server.bus.under_way import UnderWay
from server.config import HistoryConfig

__all__ = ["RedisBus"]

RENEW_S = 3600.0  # the last position of a topic that somebody follows lives on
RETRY_AFTER_S = 1

T = TypeVar("T")

log = logging.getLogger("fanwire.bus")


class RedisBus:
    """Implements ``actors.ports.Bus``, and ``server.bus.followed.Store`` for the topics that are followed here.

    ``bounds_of`` says how many messages of a topic are kept, and for how long. Positions, ids and messages are
    Redis's: this end of it owns the highest position that it has seen.
    """

    def __init__(
        self, url: str, prefix: str, bounds_of: Callable[[TopicName], HistoryConfig], timing: Timing | None = None
    ) -> None:
        """Raises: ValueError where ``url`` is none that redis-py can read."""
        self._timing = timing or Timing()
        self._dial = dial_of(url, self._timing.answer_s)
        self._keys = Keys(prefix)
        self._bounds_of = bounds_of
        self._door = Door()
        self._life = Life(self._connect, self._come_up, self._timing.back_off_s)
        self._answers = Answers(STORE, self._life, self._timing.answer_s)
        self._epoch = Epoch(self._keys.epoch)
        self._following = Following(self, self._door, self._leave)
        self._under_way = UnderWay(STORE)
        self._highest = Seq(0)

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

    @property
    def epoch(self) -> str | None:
        return self._epoch.told

    def top(self, topic: TopicName) -> Top:
        return self._following.top(topic)

    async def newest(self, topic: TopicName) -> Top:
        [answer] = await self._tops([topic])
        return _top_of(answer)

    def follow(self, topic: TopicName) -> FollowedTopic:
        self._answers.there()
        return self._following.follow(topic)

    def publish(self, envelope: Envelope, *, deduplicate: bool) -> Awaitable[Placed]:
        """Publishes go out in the order of these calls, whoever awaits their results first."""
        connections = self._answers.there()
        self._following.admit(envelope.topic)
        text = text_of(envelope)
        self._under_way.admit(len(text))
        arguments = self._arguments(envelope, text, deduplicate=deduplicate)
        answer = connections.writes.ask("EVALSHA", PUBLISH_SHA, *arguments)
        self._under_way.add(answer, len(text))
        return self._placed(connections, envelope.topic, arguments, answer)

    def _arguments(self, envelope: Envelope, text: bytes, *, deduplicate: bool) -> tuple[Any, ...]:
        keys, topic, bounds = self._keys, envelope.topic, self._bounds_of(envelope.topic)
        ttl_ms = max(1, int(bounds.ttl_s * 1000))
        return (
            *(3, keys.top(topic), keys.stream(topic), keys.id(topic, envelope.id)),
            *(envelope.id, text, bounds.messages, ttl_ms, _top_ttl_s(bounds)),
            *(DUPLICATES_S if deduplicate else 0, self._highest, keys.channel(topic)),
        )

    async def _placed(
        self, connections: Connections, topic: TopicName, arguments: tuple[Any, ...], answer: "asyncio.Future[Any]"
    ) -> Placed:
        """Raises: BusUnavailable, which says where it is not known whether the message was stored."""
        try:
            async with asyncio.timeout(self._timing.answer_s):
                try:
                    reply = await answer
                except NoScriptError:  # Redis has restarted or was told to forget; nothing was done
                    reply = await connections.writes.ask("EVAL", PUBLISH, *arguments)
        except TimeoutError:
            connections.lose(f"no answer in {self._timing.answer_s:g} s")
            raise unknown(f"no answer in {self._timing.answer_s:g} s") from None
        except LineLost as lost:
            raise unknown(f"the connection was lost ({lost})") from None
        except RedisError as error:
            raise refusal_of(error) from None
        placed = Placed(Seq(int(reply[0])), Seq(int(reply[1])), duplicate=bool(reply[2]))
        self._highest = max(self._highest, placed.seq)
        self._following.note(topic, placed)
        return placed

    async def subscribe(self, topic: TopicName) -> None:
        connections = self._answers.there()
        try:
            async with asyncio.timeout(self._timing.answer_s):
                await asyncio.shield(connections.feed.subscribe(self._keys.channel(topic)))
        except TimeoutError:
            raise gone(f"no answer in {self._timing.answer_s:g} s") from None
        except ConnectionError as lost:
            raise gone(str(lost)) from None

    async def read(self, topic: TopicName, after: Seq, limit: int) -> Stored:
        """The top is read before the messages: what is published in between is among them."""
        line = self._answers.there().reads
        top = line.ask("GET", self._keys.top(topic))
        entries = line.ask("XRANGE", self._keys.stream(topic), f"({after}-0", "+", "COUNT", limit)
        try:
            return page_from(*await self._answered(asyncio.gather(top, entries)))
        except BadRecord as record:
            raise BusUnavailable(f"bus: not a message of Fanwire in {topic}: {record}", RETRY_AFTER_S) from None

    async def _answered(self, answer: Awaitable[T]) -> T:
        """Raises: BusUnavailable."""
        try:
            return await self._answers.of(answer)
        except RedisError as error:
            raise refusal_of(error) from None

    def _leave(self, topic: TopicName) -> None:
        if self._life.connections is not None:
            self._life.connections.feed.unsubscribe(self._keys.channel(topic))

    def _hear(self, channel: str, payload: bytes) -> None:
        followed = self._following.get(self._keys.topic_of(channel))
        if followed is None:
            return
        try:
            envelope = heard(payload)
        except BadRecord:
            log.warning("not a message of Fanwire on a channel of its own", extra={"topic": followed.topic})
            followed.fall_behind()
        else:
            self._highest = max(self._highest, envelope.seq)
            followed.hear(envelope)

    def _connect(self) -> Connections:
        return Connections(self._dial, self._keys.any_channel, self._hear, self._timing)

    def _come_up(self, connections: Connections) -> None:
        """Live messages of a topic go on once everything that was missed is delivered."""
        for followed in self._following.everything():
            confirmed = connections.feed.subscribe(self._keys.channel(followed.topic))
            confirmed.add_done_callback(partial(_go_on, followed))
        everything, audit_s = self._following.everything, self._timing.audit_s
        for work in (
            self._epoch.keep_asking(connections.reads, audit_s),
            rounds(audit_s, everything, self._compare),
            rounds(RENEW_S, everything, self._renew),
        ):
            connections.on_lost(asyncio.ensure_future(work).cancel)

    async def _compare(self, some: Sequence[FollowedTopic]) -> None:
        """What PUB/SUB lost without a later message to show it is found here. Raises: BusUnavailable."""
        answers = await self._tops([followed.topic for followed in some])
        for followed, answer in zip(some, answers, strict=True):
            followed.compare(_top_of(answer).seq)

    async def _renew(self, some: Sequence[FollowedTopic]) -> None:
        """Raises: BusUnavailable."""
        line = self._answers.there().reads
        topics = [followed.topic for followed in some]
        renewed = (line.ask("EXPIRE", self._keys.top(topic), _top_ttl_s(self._bounds_of(topic))) for topic in topics)
        await self._answered(asyncio.gather(*renewed))

    async def _tops(self, topics: Sequence[TopicName]) -> list[Any]:
        """As they are in Redis. Raises: BusUnavailable."""
        line = self._answers.there().reads
        return await self._answered(asyncio.gather(*(line.ask("GET", self._keys.top(topic)) for topic in topics)))


def _top_ttl_s(bounds: HistoryConfig) -> int:
    return max(TOP_TTL_S, int(bounds.ttl_s) + 1)  # no shorter than its messages


def _top_of(answer: Any) -> Top:
    """Raises: BusUnavailable."""
    try:
        return top_from(answer)
    except BadRecord as record:
        raise BusUnavailable(f"bus: not a position of Fanwire: {record}", RETRY_AFTER_S) from None


def _go_on(followed: FollowedTopic, confirmed: "asyncio.Future[None]") -> None:
    """Its channel is heard again, unless the connection was lost once more."""
    if not confirmed.cancelled() and confirmed.exception() is None:
        followed.fall_behind()
