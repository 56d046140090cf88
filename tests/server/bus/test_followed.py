"""A followed topic before a store that does as the test says."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from bus_contract import Inbox
from loop_turns import turns, until

from actors.ports import BusUnavailable, Top
from actors.protocol.envelope import Envelope, Seq, TopicName, TraceId
from server.bus.followed import PAGE, FollowedTopic, Stored

T = TopicName("t")


def message(seq: int, prev: int | None = None) -> Envelope:
    before = seq - 10 if prev is None else prev
    return Envelope(TraceId(str(seq)), T, "x", 1.0, {}, seq=Seq(seq), prev=Seq(before))


@dataclass
class FakeStore:
    """``chain`` is what is stored; while ``gate`` is shut nobody is answered."""

    chain: list[Envelope] = field(default_factory=list)
    reads: int = 0
    is_down: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def subscribe(self, topic: TopicName) -> None:
        pass

    async def read(self, topic: TopicName, after: Seq, limit: int) -> Stored:
        """What is stored when it is asked for; the answer may be long on its way."""
        self.reads += 1
        top = self.chain[-1].seq if self.chain else Seq(0)
        found = [one for one in self.chain if one.seq > after][:limit]
        await self.gate.wait()
        if self.is_down:
            raise BusUnavailable("bus: is gone", 1)
        return Stored(Top(top), found)


class Setting:
    """A topic that is loaded with the positions 10 to ``count * 10``."""

    def __init__(self) -> None:
        self.store, self.inbox = FakeStore(), Inbox()
        self.store.gate.set()
        self.closed = 0
        self.topic = FollowedTopic(T, self.store, self.inbox, self._close)

    def _close(self) -> None:
        self.closed += 1

    async def load(self, count: int) -> None:
        self.put(count)
        await self.topic.load()

    def put(self, count: int) -> None:
        start = len(self.store.chain)
        self.store.chain += [message(10 * number) for number in range(start + 1, start + count + 1)]

    def hear(self, *numbers: int) -> None:
        for number in numbers:
            self.topic.hear(self.store.chain[number - 1])

    @property
    def seqs(self) -> list[int]:
        return [envelope.seq for envelope in self.inbox.delivered]


@pytest.fixture
def lost_place(expected_logs: Any) -> None:
    expected_logs.allow("does not follow from what was delivered")


@pytest.mark.gen_test
async def test_what_follows_is_delivered_without_asking_and_what_is_known_is_dropped() -> None:
    setting = Setting()
    await setting.load(2)
    reads = setting.store.reads
    setting.put(2)
    setting.hear(3, 3, 1, 4, 3, 4)
    assert setting.seqs == [30, 40]
    await turns()
    assert setting.store.reads == reads


@pytest.mark.gen_test
async def test_a_gap_is_filled_from_the_store_and_live_messages_meanwhile_come_once() -> None:
    setting = Setting()
    await setting.load(0)
    setting.put(5)
    setting.store.gate.clear()
    setting.hear(3)
    await turns()
    setting.put(2)
    setting.hear(6, 7)
    assert setting.seqs == []
    setting.store.gate.set()
    await until(lambda: len(setting.seqs) == 7)
    setting.put(1)
    setting.hear(8)
    await until(lambda: setting.seqs == [10 * number for number in range(1, 9)])


@pytest.mark.gen_test
async def test_a_long_absence_is_made_good_page_by_page() -> None:
    setting = Setting()
    await setting.load(1)
    setting.put(2 * PAGE + 5)
    assert await setting.topic.catch_up() == 10 * (2 * PAGE + 6)
    assert len(setting.seqs) == 2 * PAGE + 5


@pytest.mark.usefixtures("lost_place")
@pytest.mark.parametrize("fork", [[], [message(10), message(25, 10)], [message(10)]])
@pytest.mark.gen_test
async def test_where_the_chain_cannot_be_closed_the_place_is_lost_and_nothing_more_delivered(
    fork: list[Envelope],
) -> None:
    setting = Setting()
    await setting.load(2)
    setting.store.chain = list(fork)
    with pytest.raises(BusUnavailable):
        await setting.topic.catch_up()
    assert (setting.inbox.lost, setting.topic.last) == ([T], None)
    setting.topic.hear(message(30))
    await turns()
    assert setting.seqs == []
    past = await setting.topic.load()
    assert list(past.messages) == fork
    last = fork[-1].seq if fork else 0
    setting.store.chain.append(message(last + 30, last))
    setting.topic.hear(setting.store.chain[-1])
    assert setting.seqs == [last + 30]


@pytest.mark.usefixtures("lost_place")
@pytest.mark.gen_test
async def test_a_message_that_was_acknowledged_and_is_not_stored_any_more_is_a_place_lost() -> None:
    setting = Setting()
    await setting.load(2)
    setting.topic.note(Seq(30))
    setting.topic.fall_behind()
    await until(lambda: setting.inbox.lost)


@pytest.mark.gen_test
async def test_a_top_that_was_not_heard_of_is_fetched() -> None:
    setting = Setting()
    await setting.load(2)
    setting.topic.compare(Seq(20))
    await turns()
    reads = setting.store.reads
    setting.put(1)
    setting.topic.compare(Seq(30))
    await until(lambda: setting.seqs == [30])
    assert setting.store.reads == reads + 1


@pytest.mark.gen_test
async def test_a_catch_up_that_begins_during_another_sees_what_was_stored_before_it_began() -> None:
    setting = Setting()
    await setting.load(0)
    setting.store.gate.clear()
    first = asyncio.ensure_future(setting.topic.catch_up())
    await turns()
    setting.put(1)
    second = asyncio.ensure_future(setting.topic.catch_up())
    setting.store.gate.set()
    await first
    assert await second == 10


@pytest.mark.gen_test
async def test_what_was_missed_while_the_past_was_read_is_fetched_behind_it() -> None:
    setting = Setting()
    setting.store.gate.clear()
    loading = asyncio.ensure_future(setting.topic.load())
    await turns()
    setting.put(1)
    setting.hear(1)
    setting.store.gate.set()
    past = await loading
    assert past.messages == ()
    await until(lambda: [one.seq for one in past.messages] + setting.seqs == [10])


@pytest.mark.gen_test
async def test_without_the_store_who_waits_is_told_and_the_next_one_may_ask_again() -> None:
    setting = Setting()
    await setting.load(1)
    setting.store.is_down = True
    with pytest.raises(BusUnavailable, match="is gone"):
        await setting.topic.catch_up()
    setting.store.is_down = False
    setting.put(1)
    assert await setting.topic.catch_up() == 20


@pytest.mark.gen_test
async def test_who_waits_is_told_when_the_topic_is_left() -> None:
    setting = Setting()
    await setting.load(1)
    setting.store.gate.clear()
    waiting = asyncio.ensure_future(setting.topic.catch_up())
    await turns()
    setting.topic.close()
    with pytest.raises(BusUnavailable, match="not followed"):
        await waiting
    assert setting.closed == 1
    with pytest.raises(BusUnavailable):
        await setting.topic.catch_up()
