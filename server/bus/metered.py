"""A bus that is measured: how long each publish took, and how many were not stored for which reason."""

from collections.abc import Awaitable

from actors.meter import Meter
from actors.metrics import BUS_ERRORS, BUS_PUBLISH, BUS_REFUSED
from actors.ports import Bus, BusUnavailable, Clock, Deliveries, Placed, Source, Top, TopicFull
from actors.protocol.envelope import Envelope, TopicName

__all__ = ["MeteredBus"]


class MeteredBus:
    """Implements ``actors.ports.Bus`` around another one; ``name`` is what metrics call that."""

    def __init__(self, bus: Bus, name: str, meter: Meter, clock: Clock) -> None:
        self.name = name
        self._bus = bus
        self._meter = meter
        self._clock = clock

    def start(self, deliveries: Deliveries) -> None:
        self._bus.start(deliveries)

    def stop(self) -> None:
        self._bus.stop()

    @property
    def epoch(self) -> str | None:
        return self._bus.epoch

    @property
    def ready(self) -> bool:
        return self._bus.ready

    def top(self, topic: TopicName) -> Top:
        return self._bus.top(topic)

    def newest(self, topic: TopicName) -> Top | Awaitable[Top]:
        return self._bus.newest(topic)

    def follow(self, topic: TopicName) -> Source | None:
        return self._bus.follow(topic)

    async def close(self) -> None:
        await self._bus.close()

    def publish(self, envelope: Envelope, *, deduplicate: bool) -> Placed | Awaitable[Placed]:
        began = self._clock.monotonic()
        try:
            placed = self._bus.publish(envelope, deduplicate=deduplicate)
        except BusUnavailable as refused:
            self._count(refused)
            raise
        if not isinstance(placed, Placed):
            return self._measured(placed, began)
        self._meter.observe(BUS_PUBLISH, self._clock.monotonic() - began, label=self.name)
        return placed

    async def _measured(self, placing: Awaitable[Placed], began: float) -> Placed:
        try:
            placed = await placing
        except BusUnavailable as refused:
            self._count(refused)
            raise
        self._meter.observe(BUS_PUBLISH, self._clock.monotonic() - began, label=self.name)
        return placed

    def _count(self, refused: BusUnavailable) -> None:
        """A topic without room is its publishers' doing, and no error of the bus."""
        self._meter.add(BUS_REFUSED if isinstance(refused, TopicFull) else BUS_ERRORS, 1, self.name)
