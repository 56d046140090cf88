"""RedisBus: the bus on Redis Streams, one end of it in each worker."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from actors.ports import BusUnavailable, Deliveries, Placed, Top, TopicFull
from actors.protocol.envelope import Envelope, Seq, TopicName
from server.bus.door import Door
from server.bus.followed import FollowedTopic, Stored
from server.bus.life import Life, Timing
from server.bus.redis_streams.connections import Connections
from server.bus.redis_streams.keys import Keys
from server.bus.redis_streams.line import Line, LineLost
from server.bus.redis_streams.refusals import UNKNOWN, gone, refusal_of
from server.bus.redis_streams.script import DUPLICATES_S, PUBLISH, PUBLISH_SHA, TOP_TTL_S
from server.bus.redis_streams.stored import BadRecord, heard, page_from, text_of, top_from
from server.bus.redis_streams.wire import dial_of
from server.config import HistoryConfig

__all__ = ["MAX_PUBLISHES", "MAX_PUBLISH_BYTES", "RedisBus"]

MAX_PUBLISHES = 10_000  # that wait for Redis at once, and
MAX_PUBLISH_BYTES = 64 * 1024 * 1024  # their size
MAX_READS = 64
AUDIT_AT_ONCE = 100
RENEW_S = 3600.0  # the last position of a topic that somebody follows lives on
RETRY_AFTER_S = 1

log = logging.getLogger("fanwire.bus")


class RedisBus:
    """Implements ``actors.ports.Bus``, and ``server.bus.followed.Store`` for the topics that are followed here.

    ``bounds_of`` says how many messages of a topic are kept, and for how long. Owns the table of followed topics
    and the count of publishes under way; positions, ids and messages are Redis's.
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
        self.epoch: str | None = None
        self._followed: dict[TopicName, FollowedTopic] = {}
        self._reading = asyncio.Semaphore(MAX_READS)
        self._highest = Seq(0)
        self._publishes = 0
        self._publish_bytes = 0

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
        followed = self._followed.get(topic)
        return Top() if followed is None else Top(followed.last or Seq(0))

    async def newest(self, topic: TopicName) -> Top:
        answer = await self._asked("GET", self._keys.top(topic))
        try:
            return top_from(answer)
        except BadRecord as record:
            raise BusUnavailable(f"bus: not a position of Fanwire: {record}", RETRY_AFTER_S) from None

    def follow(self, topic: TopicName) -> FollowedTopic:
        if self._life.connections is None:
            raise gone(self._life.why_gone)
        followed = FollowedTopic(topic, self, self._door, lambda: self._forget(followed))
        self._followed[topic] = followed
        return followed

    def publish(self, envelope: Envelope, *, deduplicate: bool) -> Awaitable[Placed]:
        """Publishes go out in the order of these calls, whoever awaits their results first."""
        connections, followed = self._life.connections, self._followed.get(envelope.topic)
        if connections is None:
            raise gone(self._life.why_gone)
        if followed is not None and not self._door.has_room(envelope.topic):
            raise TopicFull("topic: its mailbox is full", RETRY_AFTER_S)
        text = text_of(envelope)
        if self._publishes >= MAX_PUBLISHES or self._publish_bytes + len(text) > MAX_PUBLISH_BYTES:
            raise BusUnavailable("bus: too many messages wait for Redis", RETRY_AFTER_S)
        self._publishes += 1
        self._publish_bytes += len(text)
        arguments = self._arguments(envelope, text, deduplicate=deduplicate)
        answer = connections.writes.ask("EVALSHA", PUBLISH_SHA, *arguments)
        answer.add_done_callback(lambda _: self._published(len(text)))
        return self._placed(connections, envelope.topic, arguments, answer)

    def _arguments(self, envelope: Envelope, text: bytes, *, deduplicate: bool) -> tuple[Any, ...]:
        keys, topic, bounds = self._keys, envelope.topic, self._bounds_of(envelope.topic)
        ttl_ms = max(1, int(bounds.ttl_s * 1000))
        return (
            *(3, keys.top(topic), keys.stream(topic), keys.id(topic, envelope.id)),
            *(envelope.id, text, bounds.messages, ttl_ms, max(TOP_TTL_S, ttl_ms // 1000 + 1)),
            *(DUPLICATES_S if deduplicate else 0, self._highest, keys.channel(topic)),
        )

    def _published(self, size: int) -> None:
        self._publishes -= 1
        self._publish_bytes -= size

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
            raise BusUnavailable(f"bus: no answer in {self._timing.answer_s:g} s; {UNKNOWN}", RETRY_AFTER_S) from None
        except LineLost as lost:
            raise BusUnavailable(f"bus: the connection was lost ({lost}); {UNKNOWN}", RETRY_AFTER_S) from None
        except RedisError as error:
            raise refusal_of(error) from None
        placed = Placed(Seq(int(reply[0])), Seq(int(reply[1])), duplicate=bool(reply[2]))
        self._highest = max(self._highest, placed.seq)
        if (followed := self._followed.get(topic)) is not None and not placed.duplicate:
            followed.note(placed.seq)
        return placed

    async def subscribe(self, topic: TopicName) -> None:
        if self._life.connections is None:
            raise gone(self._life.why_gone)
        try:
            async with asyncio.timeout(self._timing.answer_s):
                await asyncio.shield(self._life.connections.feed.subscribe(self._keys.channel(topic)))
        except TimeoutError:
            raise gone(f"no answer in {self._timing.answer_s:g} s") from None
        except ConnectionError as lost:
            raise gone(str(lost)) from None

    async def read(self, topic: TopicName, after: Seq, limit: int) -> Stored:
        """The top is read before the messages: what is published in between is among them."""
        async with self._reading:
            line = self._reads()
            top = line.ask("GET", self._keys.top(topic))
            entries = line.ask("XRANGE", self._keys.stream(topic), f"({after}-0", "+", "COUNT", limit)
            try:
                return page_from(*await self._answered(asyncio.gather(top, entries)))
            except BadRecord as record:
                raise BusUnavailable(f"bus: not a message of Fanwire in {topic}: {record}", RETRY_AFTER_S) from None

    def _reads(self) -> Line:
        if self._life.connections is None:
            raise gone(self._life.why_gone)
        return self._life.connections.reads

    async def _asked(self, *command: Any) -> Any:
        """Raises: BusUnavailable."""
        return await self._answered(self._reads().ask(*command))

    async def _answered(self, answer: Awaitable[Any]) -> Any:
        """Raises: BusUnavailable."""
        connections = self._life.connections
        try:
            async with asyncio.timeout(self._timing.answer_s):
                return await answer
        except TimeoutError:
            if connections is not None:
                connections.lose(f"no answer in {self._timing.answer_s:g} s")
            raise gone(f"no answer in {self._timing.answer_s:g} s") from None
        except LineLost as lost:
            raise gone(str(lost)) from None
        except RedisError as error:
            raise refusal_of(error) from None

    def _forget(self, followed: FollowedTopic) -> None:
        if self._followed.get(followed.topic) is followed:
            del self._followed[followed.topic]
            if self._life.connections is not None:
                self._life.connections.feed.unsubscribe(self._keys.channel(followed.topic))

    def _hear(self, channel: str, payload: bytes) -> None:
        topic = self._keys.topic_of(channel)
        followed = None if topic is None else self._followed.get(topic)
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
        for followed in list(self._followed.values()):
            confirmed = connections.feed.subscribe(self._keys.channel(followed.topic))
            confirmed.add_done_callback(partial(_go_on, followed))
        self._ask_epoch(connections.reads)
        audit = asyncio.ensure_future(self._audit())
        connections.on_lost(audit.cancel)

    def _ask_epoch(self, line: Line) -> None:
        """The first worker that meets a Redis without an epoch begins one; all of them read it."""
        begun = line.ask("SET", self._keys.epoch, secrets.token_hex(4), "NX")
        asyncio.gather(begun, line.ask("GET", self._keys.epoch), return_exceptions=True).add_done_callback(
            self._learn_epoch
        )

    def _learn_epoch(self, answers: "asyncio.Future[tuple[Any, Any]]") -> None:
        """Where the connection is lost, or the server takes no writes, the epoch stays what it was, or unknown."""
        if not answers.cancelled() and isinstance(epoch := answers.result()[1], bytes):
            self.epoch = epoch.decode("ascii", "replace")

    async def _audit(self) -> None:
        """What PUB/SUB lost without a later message to show it is found here."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            await asyncio.sleep(self._timing.audit_s)
            renew = loop.time() - renewed > RENEW_S
            renewed = loop.time() if renew else renewed
            if (connections := self._life.connections) is not None:
                self._ask_epoch(connections.reads)  # a Redis that was emptied does not hang up
            everything = list(self._followed.values())
            for start in range(0, len(everything), AUDIT_AT_ONCE):
                try:
                    await self._compare(everything[start : start + AUDIT_AT_ONCE], renew=renew)
                except (BusUnavailable, BadRecord) as why:
                    log.info("positions could not be compared: %s", why)
                    break

    async def _compare(self, some: list[FollowedTopic], *, renew: bool) -> None:
        """Raises: BusUnavailable."""
        line = self._reads()
        keys = [self._keys.top(followed.topic) for followed in some]
        if renew:
            await self._answered(asyncio.gather(*(line.ask("EXPIRE", key, TOP_TTL_S) for key in keys)))
        tops = await self._answered(asyncio.gather(*(line.ask("GET", key) for key in keys)))
        for followed, top in zip(some, tops, strict=True):
            followed.compare(top_from(top).seq)


def _go_on(followed: FollowedTopic, confirmed: "asyncio.Future[None]") -> None:
    """Its channel is heard again, unless the connection was lost once more."""
    if not confirmed.cancelled() and confirmed.exception() is None:
        followed.fall_behind()
