"""A bus across a network without the network: what several workers share, and one worker's end of it.

For tests of what the actors make of such a bus: a test says when its answers come, and what does not arrive.
"""

import asyncio

from actors.ports import BusUnavailable, Deliveries, Past, Placed, Top
from actors.protocol.envelope import Envelope, Seq, TopicName

__all__ = ["FarBus", "FarSource", "FarStore"]

STEP = 10


class FarStore:
    """What is stored, by topic, each a chain with the positions 10, 20, 30 …; ``ends`` are the workers' ends."""

    def __init__(self) -> None:
        self.chains: dict[TopicName, list[Envelope]] = {}
        self.ends: list[FarBus] = []

    def chain(self, topic: str) -> list[Envelope]:
        return self.chains.setdefault(TopicName(topic), [])

    def top(self, topic: str) -> Seq:
        chain = self.chain(topic)
        return chain[-1].seq if chain else Seq(0)

    def put(self, envelope: Envelope, *, step: int = STEP) -> Placed:
        prev = self.top(envelope.topic)
        placed = Placed(Seq(prev + step), prev, duplicate=False)
        self.chain(envelope.topic).append(envelope.placed(placed.seq, placed.prev))
        for end in self.ends:
            end.hear(envelope.topic)
        return placed


class FarBus:
    """Implements ``actors.ports.Bus``. While ``lags`` is set live messages wait; ``is_down``: nothing is answered.

    ``gate`` is passed by every answer. ``questions`` counts how often the store was asked.
    """

    def __init__(self, store: FarStore) -> None:
        self.epoch = "the only one"
        self.store = store
        self.sources: dict[TopicName, FarSource] = {}
        self.deliveries: Deliveries | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.lags = False
        self.is_down = False
        self.questions = 0
        store.ends.append(self)

    def start(self, deliveries: Deliveries) -> None:
        self.deliveries = deliveries

    def stop(self) -> None:
        self.deliveries = None

    @property
    def ready(self) -> bool:
        return self.deliveries is not None and not self.is_down

    def publish(self, envelope: Envelope, *, deduplicate: bool) -> Placed:
        if not self.ready:
            raise BusUnavailable("bus: is gone", 1)
        return self.store.put(envelope)

    def follow(self, topic: TopicName) -> "FarSource":
        if not self.ready:
            raise BusUnavailable("bus: is gone", 1)
        assert topic not in self.sources, f"{topic} is followed twice"
        self.sources[topic] = FarSource(self, topic)
        return self.sources[topic]

    def top(self, topic: TopicName) -> Top:
        source = self.sources.get(topic)
        return Top() if source is None else Top(source.last or Seq(0))

    async def newest(self, topic: TopicName) -> Top:
        await self.asked()
        return Top(self.store.top(topic))

    async def close(self) -> None:
        self.stop()

    async def asked(self) -> None:
        self.questions += 1
        await self.gate.wait()
        if self.is_down:
            raise BusUnavailable("bus: is gone", 1)

    def hear(self, topic: TopicName) -> None:
        source = self.sources.get(topic)
        if source is not None and not (self.lags or self.is_down):
            source.deliver_rest()


class FarSource:
    """Implements ``actors.ports.Source``; ``last`` is the last position delivered, None while it is not loaded."""

    def __init__(self, bus: FarBus, topic: TopicName) -> None:
        self._bus = bus
        self._topic = topic
        self.last: Seq | None = None

    async def load(self) -> Past:
        await self._bus.asked()
        chain = list(self._bus.store.chain(self._topic))
        self.last = self._bus.store.top(self._topic)
        return Past(Top(self.last, chain[-1].id if chain else None), chain)

    async def catch_up(self) -> Seq:
        await self._bus.asked()
        self.deliver_rest()
        return self.last or Seq(0)

    def deliver_rest(self) -> None:
        if self.last is None:
            return
        for envelope in self._bus.store.chain(self._topic):
            if envelope.seq > self.last and self._bus.deliveries is not None:
                self.last = envelope.seq
                self._bus.deliveries.deliver(envelope)

    def lose_place(self) -> None:
        self.last = None
        assert self._bus.deliveries is not None
        self._bus.deliveries.lost_place(self._topic)

    def close(self) -> None:
        del self._bus.sources[self._topic]
