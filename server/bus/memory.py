"""The memory bus: one process, nothing to install. Owns the positions and the ids of the last five minutes."""

import logging
import secrets
from collections import deque
from typing import NamedTuple

from actors.ports import BusUnavailable, Clock, Deliveries, Placed, Top, TopicFull
from actors.protocol.envelope import Envelope, Seq, TopicName, TraceId

__all__ = ["DUPLICATES_S", "MAX_IDS", "MAX_TOPICS", "MemoryBus"]

DUPLICATES_S = 300.0  # protocol §5: the same id on the same topic is one message for this long
MAX_IDS = 1_000_000
MAX_TOPICS = 1_000_000
RETRY_AFTER_S = 1


_NOTHING = Top()

log = logging.getLogger("fanwire.bus")


class _Known(NamedTuple):
    topic: TopicName
    id: TraceId
    until: float


class MemoryBus:
    """Publishing is one uninterrupted step: room, position, delivery.

    A position is ``max(last + 1, now in µs)``. A topic forgotten for want of room leaves its last position in
    ``_floor``, so that no number is given twice even if the clock is set back meanwhile.
    """

    def __init__(self, clock: Clock, *, max_ids: int = MAX_IDS, max_topics: int = MAX_TOPICS) -> None:
        self._clock = clock
        self._max_ids = max_ids
        self._max_topics = max_topics
        self._deliveries: Deliveries | None = None
        self.epoch = secrets.token_hex(4)
        self._tops: dict[TopicName, Top] = {}
        self._floor = Seq(0)
        self._placed: dict[tuple[TopicName, TraceId], Placed] = {}
        self._known: deque[_Known] = deque()
        self._complained_until = float("-inf")

    def start(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def stop(self) -> None:
        self._deliveries = None

    @property
    def ready(self) -> bool:
        return self._deliveries is not None

    def top(self, topic: TopicName) -> Top:
        return self._tops.get(topic, _NOTHING)

    def newest(self, topic: TopicName) -> Top:
        return self.top(topic)

    def follow(self, topic: TopicName) -> None:
        """The topic's actor is the store: it gets every message, whether anybody subscribes or not."""

    def publish(self, envelope: Envelope, *, deduplicate: bool) -> Placed:
        if self._deliveries is None:
            raise BusUnavailable("bus: is not running", RETRY_AFTER_S)
        if deduplicate:
            self._forget_old_ids()
            earlier = self._placed.get((envelope.topic, envelope.id))
            if earlier is not None:
                return earlier._replace(duplicate=True)
        if not self._deliveries.has_room(envelope.topic):
            raise TopicFull("topic: its mailbox is full or it is not served", RETRY_AFTER_S)
        placed = self._place(envelope.topic)
        self._deliveries.deliver(envelope.placed(placed.seq, placed.prev))
        self._tops.pop(envelope.topic, None)  # so that the topics stay sorted by last use
        self._tops[envelope.topic] = Top(placed.seq, envelope.id)
        if deduplicate:
            self._remember(envelope, placed)
        return placed

    async def close(self) -> None:
        self.stop()

    def _place(self, topic: TopicName) -> Placed:
        prev = self.top(topic).seq
        if topic not in self._tops and len(self._tops) >= self._max_topics:
            forgotten = next(iter(self._tops))
            self._floor = max(self._floor, self._tops.pop(forgotten).seq)
        seq = Seq(max(prev + 1, self._floor + 1, int(self._clock.time() * 1_000_000)))
        return Placed(seq, prev, duplicate=False)

    def _remember(self, envelope: Envelope, placed: Placed) -> None:
        self._placed[envelope.topic, envelope.id] = placed
        self._known.append(_Known(envelope.topic, envelope.id, self._clock.monotonic() + DUPLICATES_S))
        if len(self._known) > self._max_ids:
            self._forget_oldest_id()
            self._say_that_ids_are_forgotten()

    def _forget_old_ids(self) -> None:
        now = self._clock.monotonic()
        while self._known and self._known[0].until <= now:
            self._forget_oldest_id()

    def _forget_oldest_id(self) -> None:
        gone = self._known.popleft()
        del self._placed[gone.topic, gone.id]

    def _say_that_ids_are_forgotten(self) -> None:
        """Once in five minutes: memory is bounded, and publishing goes on."""
        now = self._clock.monotonic()
        if now >= self._complained_until:
            self._complained_until = now + DUPLICATES_S
            log.warning("more ids in 5 minutes than are remembered: duplicates of older ones may be delivered again")
