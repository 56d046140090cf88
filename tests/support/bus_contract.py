"""What every bus has to do: a suite of tests that a test module inherits for its own bus.

A subclass says in ``bus()`` how its bus is made. ``Inbox`` is where such a bus delivers.
"""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest
from loop_turns import until

from actors.ports import Bus, BusUnavailable, Past, Placed, Source, Top
from actors.protocol.envelope import Envelope, Seq, TopicName, envelope_from
from server.testing.manual_clock import ManualClock

__all__ = ["BusContract", "Inbox", "begin", "message", "newest", "publish", "put", "seqs"]


def message(topic: str = "a", data: object = None) -> Envelope:
    """A message that no bus has placed yet, with an id of its own."""
    return envelope_from({"topic": topic, "type": "x", "data": data}, 1_719_958_453.0)


async def publish(bus: Bus, envelope: Envelope, *, deduplicate: bool = True) -> Placed:
    """Publish on a bus that answers at once or on one that has to be awaited. Raises: BusUnavailable."""
    answer = bus.publish(envelope, deduplicate=deduplicate)
    return answer if isinstance(answer, Placed) else await answer


async def put(bus: Bus, count: int, topic: str = "a") -> list[int]:
    """The positions of so many messages, one after another, whose data are their numbers from 0."""
    return [(await publish(bus, message(topic, data=number))).seq for number in range(count)]


async def newest(bus: Bus, topic: str) -> Top:
    """The last position given in ``topic``, whoever has to be asked. Raises: BusUnavailable."""
    answer = bus.newest(TopicName(topic))
    return answer if isinstance(answer, Top) else await answer


class Inbox:
    """Implements ``actors.ports.Deliveries``: keeps what arrives; ``full`` topics have no room."""

    def __init__(self) -> None:
        self.delivered: list[Envelope] = []
        self.full: set[TopicName] = set()
        self.lost: list[TopicName] = []
        self.sources: dict[str, Source] = {}
        self.pasts: dict[str, Past] = {}

    def lost_place(self, topic: TopicName) -> None:
        self.lost.append(topic)

    async def follow(self, bus: Bus, *topics: str) -> None:
        """As a topic's actor does when it starts; a bus in this process delivers without being asked to."""
        for topic in topics:
            source = bus.follow(TopicName(topic))
            if source is not None:
                self.sources[topic] = source
                self.pasts[topic] = await source.load()

    def has_room(self, topic: TopicName) -> bool:
        return topic not in self.full

    def deliver(self, envelope: Envelope) -> None:
        self.delivered.append(envelope)

    def of(self, topic: str) -> list[Envelope]:
        return [envelope for envelope in self.delivered if envelope.topic == topic]


def seqs(inbox: Inbox) -> list[int]:
    return [envelope.seq for envelope in inbox.delivered]


async def begin(bus: Bus, *topics: str) -> Inbox:
    """A bus that is up, and an inbox that gets the messages of ``topics``."""
    bus.start(inbox := Inbox())
    await until(lambda: bus.ready, "the bus")
    await inbox.follow(bus, *topics)
    return inbox


class BusContract:
    """Inherit as ``class TestMyBus(BusContract)``. ``clock`` is what the bus reads its time from, if it can."""

    def bus(self, clock: ManualClock) -> AbstractAsyncContextManager[Bus]:
        """A bus that is running as far as it does without ``start``; closed at the end of the context."""
        raise NotImplementedError

    @pytest.mark.gen_test
    async def test_a_bus_that_was_not_started_is_not_ready_and_stores_nothing(self) -> None:
        async with self.bus(ManualClock()) as bus:
            assert not bus.ready
            with pytest.raises(BusUnavailable):
                await publish(bus, message())
            assert bus.top(TopicName("a")).seq == 0

    @pytest.mark.gen_test
    async def test_what_is_published_is_delivered_with_its_position(self) -> None:
        async with self.bus(ManualClock()) as bus:
            inbox = await begin(bus, "a")
            sent = message(data={"n": 1})
            placed = await publish(bus, sent)
            await until(lambda: inbox.delivered)
            assert inbox.delivered == [sent.placed(placed.seq, placed.prev)]
            assert (placed.prev, placed.duplicate) == (0, False)
            assert 0 < placed.seq < 2**53

    @pytest.mark.gen_test
    async def test_the_messages_of_a_topic_form_a_chain_in_order(self) -> None:
        async with self.bus(ManualClock()) as bus:
            inbox = await begin(bus, "a")
            sent = [message(data=number) for number in range(20)]
            placed = [await publish(bus, one) for one in sent]
            await until(lambda: len(inbox.delivered) == 20)
            assert [one.data for one in inbox.delivered] == list(range(20))
            assert [one.prev for one in placed] == [0, *(one.seq for one in placed[:-1])]
            assert sorted({one.seq for one in placed}) == [one.seq for one in placed]
            assert [one.seq for one in inbox.delivered] == [one.seq for one in placed]

    @pytest.mark.gen_test
    async def test_publishes_at_the_same_time_form_one_chain(self) -> None:
        async with self.bus(ManualClock()) as bus:
            inbox = await begin(bus, "a")
            await asyncio.gather(*(publish(bus, message()) for _ in range(20)))
            await until(lambda: len(inbox.delivered) == 20)
            chain = inbox.delivered
            assert [one.prev for one in chain] == [0, *(one.seq for one in chain[:-1])]

    @pytest.mark.gen_test
    async def test_topics_have_chains_of_their_own(self) -> None:
        async with self.bus(ManualClock()) as bus:
            inbox = await begin(bus, "a", "b")
            for topic in ("a", "b", "a", "b"):
                await publish(bus, message(topic))
            await until(lambda: len(inbox.delivered) == 4)
            for topic in ("a", "b"):
                first, second = inbox.of(topic)
                assert (first.prev, second.prev) == (0, first.seq)
                assert (await newest(bus, topic)).seq == second.seq

    @pytest.mark.gen_test
    async def test_the_same_id_on_the_same_topic_is_one_message(self) -> None:
        async with self.bus(ManualClock()) as bus:
            inbox = await begin(bus, "a")
            once = message()
            first = await publish(bus, once)
            await publish(bus, message())
            again = await publish(bus, once)
            assert again == first._replace(duplicate=True)
            await until(lambda: len(inbox.delivered) == 2)
            assert (await newest(bus, "a")).seq > first.seq

    @pytest.mark.gen_test
    async def test_the_same_id_on_another_topic_is_another_message(self) -> None:
        async with self.bus(ManualClock()) as bus:
            await begin(bus)
            fields = message().as_json()
            first = await publish(bus, envelope_from(fields, 1.0))
            second = await publish(bus, envelope_from(fields | {"topic": "b"}, 1.0))
            assert not (first.duplicate or second.duplicate)

    @pytest.mark.gen_test
    async def test_a_full_topic_is_refused_with_nothing_half_done(self) -> None:
        async with self.bus(ManualClock()) as bus:
            inbox = await begin(bus, "a")
            first = await publish(bus, message())
            inbox.full.add(TopicName("a"))
            refused = message()
            with pytest.raises(BusUnavailable) as why:
                await publish(bus, refused)
            assert why.value.retry_after_s >= 1
            assert str(why.value).startswith("topic: ")
            inbox.full.clear()
            placed = await publish(bus, refused)
            assert (placed.prev, placed.duplicate) == (first.seq, False)
            await until(lambda: len(inbox.delivered) == 2)

    @pytest.mark.gen_test
    async def test_a_topic_without_messages_has_no_top(self) -> None:
        async with self.bus(ManualClock()) as bus:
            await begin(bus)
            assert (await newest(bus, "nothing")).seq == Seq(0)

    @pytest.mark.gen_test
    async def test_a_closed_bus_is_not_ready_and_says_so(self) -> None:
        async with self.bus(ManualClock()) as bus:
            await begin(bus)
            await bus.close()
            assert not bus.ready
            with pytest.raises(BusUnavailable):
                await publish(bus, message())

    @pytest.mark.gen_test
    async def test_what_a_publisher_added_travels_on_unchanged(self) -> None:
        async with self.bus(ManualClock()) as bus:
            inbox = await begin(bus, "a")
            fields = {
                "topic": "a",
                "type": "x.y_1",
                "data": [1.5, None, "ü€😀", {"d": []}],
                "key": "k",
                "later": {"z": 1},
            }
            sent = envelope_from(fields, 1_719_958_453.127)
            placed = await publish(bus, sent)
            await until(lambda: inbox.delivered)
            assert inbox.delivered == [sent.placed(placed.seq, placed.prev)]

    @pytest.mark.gen_test
    async def test_a_bus_that_was_stopped_goes_on_where_it_was_when_it_is_started_again(self) -> None:
        async with self.bus(ManualClock()) as bus:
            inbox = await begin(bus, "a")
            first = await publish(bus, message())
            bus.stop()
            assert not bus.ready
            with pytest.raises(BusUnavailable):
                await publish(bus, message())
            bus.start(inbox)
            await until(lambda: bus.ready, "the bus")
            assert (await publish(bus, message())).prev == first.seq
            await until(lambda: len(inbox.delivered) == 2, "both messages")

    @pytest.mark.gen_test
    async def test_a_thousand_publishes_at_once_are_one_chain_and_none_comes_twice(self) -> None:
        async with self.bus(ManualClock()) as bus:
            inbox = await begin(bus, "a")
            placed = await asyncio.gather(*(publish(bus, message(data=number)) for number in range(1_000)))
            await until(lambda: len(inbox.delivered) >= 1_000, "all")
            assert [one.data for one in inbox.delivered] == list(range(1_000))
            assert [one.seq for one in inbox.delivered] == [one.seq for one in placed]
