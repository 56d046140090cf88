"""The memory bus: the contract of every bus, and what is only its own."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from bus_contract import BusContract, Inbox, message, publish

from actors.ports import Bus
from actors.protocol.envelope import Envelope, TopicName
from server.bus.memory import DUPLICATES_S, MemoryBus
from server.testing.manual_clock import ManualClock


@asynccontextmanager
async def memory_bus(clock: ManualClock) -> AsyncIterator[Bus]:
    bus = MemoryBus(clock)
    yield bus
    await bus.close()


class TestMemoryBus(BusContract):
    def bus(self, clock: ManualClock) -> AbstractAsyncContextManager[Bus]:
        return memory_bus(clock)


def started(clock: ManualClock, *, max_ids: int = 100, max_topics: int = 100) -> tuple[MemoryBus, Inbox]:
    bus, inbox = MemoryBus(clock, max_ids=max_ids, max_topics=max_topics), Inbox()
    bus.start(inbox)
    return bus, inbox


@pytest.mark.gen_test
async def test_a_position_is_the_clock_in_microseconds_or_one_more_than_the_last() -> None:
    clock = ManualClock(unix_s=1_000.5)
    bus, _ = started(clock)
    first = await publish(bus, message(), deduplicate=False)
    second = await publish(bus, message(), deduplicate=False)
    clock.advance(0.25)
    third = await publish(bus, message(), deduplicate=False)
    assert [first.seq, second.seq, third.seq] == [1_000_500_000, 1_000_500_001, 1_000_750_000]


@pytest.mark.gen_test
async def test_positions_grow_even_if_the_clock_is_set_back() -> None:
    clock = ManualClock()
    bus, _ = started(clock)
    first = await publish(bus, message(), deduplicate=False)
    clock.set_back(3_600.0)
    second = await publish(bus, message(), deduplicate=False)
    assert (second.seq, second.prev) == (first.seq + 1, first.seq)


@pytest.mark.gen_test
async def test_no_position_of_a_forgotten_topic_is_given_twice_even_if_the_clock_is_set_back() -> None:
    clock = ManualClock()
    bus, _ = started(clock, max_topics=2)
    first = await publish(bus, message("a"), deduplicate=False)
    await publish(bus, message("b"), deduplicate=False)
    await publish(bus, message("c"), deduplicate=False)
    assert bus.top(TopicName("a")).seq == 0
    clock.set_back(3_600.0)
    second = await publish(bus, message("a"), deduplicate=False)
    assert second.seq > first.seq
    assert second.prev == 0


@pytest.mark.gen_test
async def test_the_topic_that_is_forgotten_is_the_one_that_was_used_longest_ago() -> None:
    bus, _ = started(ManualClock(), max_topics=2)
    for topic in ("a", "b", "a", "c"):
        await publish(bus, message(topic), deduplicate=False)
    assert bus.top(TopicName("b")).seq == 0
    assert bus.top(TopicName("a")).seq > 0


@pytest.mark.gen_test
async def test_an_id_is_a_key_for_five_minutes() -> None:
    clock = ManualClock()
    bus, inbox = started(clock)
    once = message()
    await publish(bus, once)
    clock.advance(DUPLICATES_S - 0.5)
    assert (await publish(bus, once)).duplicate
    clock.advance(0.5)
    assert not (await publish(bus, once)).duplicate
    assert len(inbox.delivered) == 2


@pytest.mark.gen_test
async def test_an_id_that_the_gateway_gave_itself_is_no_key() -> None:
    bus, inbox = started(ManualClock(), max_ids=0)
    once = message()
    await publish(bus, once, deduplicate=False)
    await publish(bus, once, deduplicate=False)
    assert len(inbox.delivered) == 2


@pytest.mark.gen_test
async def test_of_more_ids_than_it_remembers_the_oldest_are_forgotten_and_that_is_said(expected_logs: Any) -> None:
    expected_logs.allow("more ids in 5 minutes than are remembered")
    bus, inbox = started(ManualClock(), max_ids=2)
    messages = [message() for _ in range(3)]
    for one in messages:
        await publish(bus, one)
    assert (await publish(bus, messages[2])).duplicate
    assert not (await publish(bus, messages[0])).duplicate
    assert len(inbox.delivered) == 4


class FailsOnce(Inbox):
    """A worker that could not take one message."""

    failing = True

    def deliver(self, envelope: Envelope) -> None:
        if self.failing:
            self.failing = False
            raise ValueError("cannot be encoded")
        super().deliver(envelope)


@pytest.mark.gen_test
async def test_a_delivery_that_fails_leaves_the_chain_as_it_was() -> None:
    clock = ManualClock()
    bus, inbox = MemoryBus(clock), FailsOnce()
    inbox.failing = False
    bus.start(inbox)
    first = await publish(bus, message())
    inbox.failing = True
    with pytest.raises(ValueError, match="cannot be encoded"):
        await publish(bus, message())
    assert bus.top(TopicName("a")).seq == first.seq
    third = await publish(bus, message())
    assert third.prev == first.seq


def test_each_memory_bus_begins_an_epoch_of_its_own() -> None:
    assert MemoryBus(ManualClock()).epoch != MemoryBus(ManualClock()).epoch


@pytest.mark.gen_test
async def test_the_top_names_the_last_message() -> None:
    bus, inbox = MemoryBus(ManualClock()), Inbox()
    bus.start(inbox)
    bus.publish(message("a"), deduplicate=False)
    last = message("a")
    placed = bus.publish(last, deduplicate=True)
    bus.publish(last, deduplicate=True)
    assert bus.top(TopicName("a")) == (placed.seq, last.id)
