"""A bus that is measured: it behaves like the one inside, and counts how long that took and what it refused."""

import asyncio
from collections.abc import Awaitable

import pytest
from bus_contract import Inbox, message

from actors.meter import Meter
from actors.metrics import BUS_ERRORS, BUS_PUBLISH, BUS_REFUSED
from actors.ports import Bus, BusUnavailable, Deliveries, Placed, Top, TopicFull
from actors.protocol.envelope import Envelope, TopicName
from server.bus.memory import MemoryBus
from server.bus.metered import MeteredBus
from server.testing.manual_clock import ManualClock


class FarBus:
    """A bus behind a network: each publish takes ``takes_s`` seconds, and is refused where ``is_down``."""

    def __init__(self, clock: ManualClock, takes_s: float = 0.25) -> None:
        self.is_down = False
        self._near = MemoryBus(clock)
        self._clock = clock
        self._takes_s = takes_s

    def start(self, deliveries: Deliveries) -> None:
        self._near.start(deliveries)

    def stop(self) -> None:
        self._near.stop()

    @property
    def epoch(self) -> str:
        return self._near.epoch

    @property
    def ready(self) -> bool:
        return self._near.ready

    def top(self, topic: TopicName) -> Top:
        return self._near.top(topic)

    async def close(self) -> None:
        await self._near.close()

    async def publish(self, envelope: Envelope, *, deduplicate: bool) -> Placed:
        await asyncio.sleep(0)
        self._clock.advance(self._takes_s)
        if self.is_down:
            raise BusUnavailable("bus: is gone", 5)
        return self._near.publish(envelope, deduplicate=deduplicate)


class Setting:
    """A metered bus that delivers into ``inbox``."""

    def __init__(self, name: str, kind: type[MemoryBus] | type[FarBus]) -> None:
        self.clock, self.meter, self.inbox = ManualClock(), Meter(), Inbox()
        self.inner = kind(self.clock)
        bus: Bus = self.inner
        self.bus = MeteredBus(bus, name, self.meter, self.clock)
        self.bus.start(self.inbox)

    def measured(self, name: str) -> tuple[int, float, int]:
        """Publishes that were stored, the seconds that they took, and errors."""
        histogram = self.meter.histograms(BUS_PUBLISH)[name]
        return histogram.count, histogram.total_s, self.meter.counts(BUS_ERRORS)[name]

    async def publish(self) -> Placed:
        placed = self.bus.publish(message(), deduplicate=False)
        return await placed if isinstance(placed, Awaitable) else placed


@pytest.mark.gen_test
async def test_a_bus_that_answers_at_once_is_still_one_that_answers_at_once() -> None:
    setting = Setting("memory", MemoryBus)
    placed = setting.bus.publish(message(), deduplicate=False)
    assert isinstance(placed, Placed)
    assert setting.bus.top(message().topic).seq == placed.seq
    assert setting.measured("memory") == (1, 0.0, 0)


@pytest.mark.gen_test
async def test_what_a_bus_refuses_is_an_error_and_no_publish() -> None:
    setting = Setting("memory", MemoryBus)
    setting.bus.stop()
    assert not setting.bus.ready
    for _ in range(2):
        with pytest.raises(BusUnavailable, match="is not running"):
            await setting.publish()
    assert setting.measured("memory") == (0, 0.0, 2)
    setting.bus.start(setting.inbox)
    assert setting.bus.ready
    await setting.publish()
    assert setting.measured("memory") == (1, 0.0, 2)


@pytest.mark.gen_test
async def test_a_topic_without_room_is_refused_and_no_error_of_the_bus() -> None:
    setting = Setting("memory", MemoryBus)
    setting.inbox.full.add(message().topic)
    with pytest.raises(TopicFull):
        await setting.publish()
    assert setting.measured("memory") == (0, 0.0, 0)
    assert setting.meter.counts(BUS_REFUSED)["memory"] == 1


@pytest.mark.gen_test
async def test_a_bus_that_has_to_be_awaited_is_measured_until_it_has_answered() -> None:
    setting = Setting("redis", FarBus)
    await setting.publish()
    assert setting.measured("redis") == (1, 0.25, 0)
    assert isinstance(setting.inner, FarBus)
    setting.inner.is_down = True
    with pytest.raises(BusUnavailable, match="is gone"):
        await setting.publish()
    assert setting.measured("redis") == (1, 0.25, 1)
    assert setting.measured("memory") == (0, 0.0, 0)


@pytest.mark.gen_test
async def test_closing_closes_the_one_inside() -> None:
    setting = Setting("memory", MemoryBus)
    await setting.bus.close()
    assert not setting.inner.ready
