"""A topic that this worker follows on a bus across a network: what was delivered, and what has to be fetched.

Knows no particular bus: ``Store`` is what one has to offer.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from actors.ports import BusUnavailable, Deliveries, Past, Top
from actors.protocol.envelope import Envelope, Seq, TopicName
from server.bus.chain import Link, follows, link_of, newest_run

__all__ = ["PAGE", "FollowedTopic", "Store", "Stored"]

PAGE = 200
ROOM_S = 0.01  # between two looks whether a topic's mailbox has room again; it empties within milliseconds
RETRY_AFTER_S = 1

log = logging.getLogger("fanwire.bus")


class Stored(NamedTuple):
    """A page of what is stored: ``top`` as it was when the page was read, or before."""

    top: Top
    messages: list[Envelope]


class Store(Protocol):
    """What a followed topic needs of its bus."""

    async def subscribe(self, topic: TopicName) -> None:
        """Returns when every message stored from now on is heard. Raises: BusUnavailable."""

    async def read(self, topic: TopicName, after: Seq, limit: int) -> Stored:
        """The first ``limit`` messages stored behind ``after``. Raises: BusUnavailable."""


class FollowedTopic:
    """Implements ``actors.ports.Source``.

    ``last`` is the last position delivered, None while it is not loaded. A message is delivered where it follows
    from ``last``; else what is stored decides. One reader at a time; while it reads, live messages are only noted.
    """

    def __init__(self, topic: TopicName, store: Store, deliveries: Deliveries, closed: Callable[[], None]) -> None:
        self.topic = topic
        self.last: Seq | None = None
        self._store = store
        self._deliveries = deliveries
        self._closed = closed
        self._noted = Seq(0)
        self._reading: asyncio.Task[None] | None = None
        self._read_again = False
        self._is_cut_off = False
        self._waiters: list[asyncio.Future[Seq]] = []

    @property
    def has_fallen_behind(self) -> bool:
        return self.last is not None and self._noted > self.last

    async def load(self) -> Past:
        self.last = None
        self._noted = Seq(0)
        await self._store.subscribe(self.topic)
        past = await self._read_everything()
        self.last = past.top.seq
        if self.has_fallen_behind or self._read_again:
            self.fall_behind()
        return past

    async def catch_up(self) -> Seq:
        if self.last is None:
            raise BusUnavailable("bus: is about to load this topic", RETRY_AFTER_S)
        waiter: asyncio.Future[Seq] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self.fall_behind()
        return await waiter

    def close(self) -> None:
        self.last = None
        if self._reading is not None:
            self._reading.cancel()
        self._refuse_waiters(BusUnavailable("bus: this topic is not followed any more", RETRY_AFTER_S))
        self._closed()

    def hear(self, envelope: Envelope) -> None:
        """A live message, in whatever order, once, never or several times."""
        self.note(envelope.seq)
        if self.last is None or self._reading is not None:
            return
        link = link_of(self.last, envelope)
        if link is Link.NEXT and self._deliveries.has_room(self.topic):
            self._deliver(envelope)
        elif link is not Link.DUPLICATE:
            self.fall_behind()

    def note(self, seq: Seq) -> None:
        """``seq`` was given to a message of this topic: whoever has it not misses something."""
        self._noted = max(self._noted, seq)

    def compare(self, top: Seq) -> None:
        """``top`` is the last position that is stored: one that was not heard of may have got lost on its way."""
        if self.last is not None and (top != self.last or self.has_fallen_behind):
            self.fall_behind()

    def fall_behind(self) -> None:
        """Something may have been missed: from now on what is stored is delivered, then live messages go on."""
        self._read_again = True
        if self._reading is None and self.last is not None:
            self._reading = asyncio.ensure_future(self._follow_up())
            self._reading.add_done_callback(self._followed_up)

    def _deliver(self, envelope: Envelope) -> None:
        self.last = envelope.seq
        self._deliveries.deliver(envelope)

    async def _follow_up(self) -> None:
        while self._read_again and self.last is not None:
            self._read_again = self._is_cut_off = False
            asked_before = len(self._waiters)
            try:
                await self._deliver_rest()
            except BusUnavailable as why:
                self._is_cut_off = True  # until whoever mends that says so by ``fall_behind``
                self._refuse_waiters(why)
                return
            self._answer(asked_before)
            # What was heard meanwhile was only noted.
            self._read_again = self._read_again or self.has_fallen_behind

    def _followed_up(self, task: "asyncio.Task[None]") -> None:
        self._reading = None
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("following a topic failed", exc_info=failure, extra={"topic": self.topic})
            self._refuse_waiters(BusUnavailable("bus: this topic could not be read", RETRY_AFTER_S))
        elif self._read_again or (self.has_fallen_behind and not self._is_cut_off):
            self.fall_behind()  # somebody asked, or was heard, between the reader's last line and now

    async def _deliver_rest(self) -> None:
        noted = self._noted
        while (last := self.last) is not None:
            stored = await self._store.read(self.topic, last, PAGE)
            if not follows(last, stored.messages, stored.top.seq):
                self._lose_place()
            for envelope in stored.messages:
                await self._until_room()
                self._deliver(envelope)
            if len(stored.messages) < PAGE:
                break
        if self.last is not None and noted > self.last:
            self._lose_place()  # a message was acknowledged or heard that is not stored any more

    async def _until_room(self) -> None:
        """Nothing is dropped where the topic's mailbox is full: the rest stays stored until there is room."""
        # Nobody tells of room: that would cost every delivery.
        while not self._deliveries.has_room(self.topic):  # noqa: ASYNC110
            await asyncio.sleep(ROOM_S)

    def _lose_place(self) -> None:
        """Raises: BusUnavailable, always."""
        log.warning("what is stored does not follow from what was delivered", extra={"topic": self.topic})
        self.last = None
        self._deliveries.lost_place(self.topic)
        raise BusUnavailable("bus: lost its place in this topic", RETRY_AFTER_S)

    async def _read_everything(self) -> Past:
        messages: list[Envelope] = []
        while True:
            after = messages[-1].seq if messages else Seq(0)
            self._read_again = False
            stored = await self._store.read(self.topic, after, PAGE)
            messages += stored.messages
            if len(stored.messages) < PAGE:
                break
        run = newest_run(messages)
        return Past(Top(run[-1].seq, run[-1].id), run) if run else Past(stored.top, ())

    def _answer(self, count: int) -> None:
        waiters, self._waiters = self._waiters[:count], self._waiters[count:]
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(self.last or Seq(0))

    def _refuse_waiters(self, why: BusUnavailable) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(why)
