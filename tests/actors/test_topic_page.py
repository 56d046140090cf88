"""Pages of a history against a plain list of all that was ever published, by number, by bytes, and to the end."""

import asyncio

import pytest
from actor_world import delivery
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from loop_turns import until
from one_topic import Subscriber, Topic

from actors.delivery import Delivery
from actors.history import History
from actors.ports import Top
from actors.protocol.envelope import Seq
from actors.protocol.messages import EARLIEST, Since
from actors.topic import SLICE
from actors.topic_page import PAGE_BYTES, Page, Read, page_of
from actors.topic_requests import Join

MAX_MESSAGES = 6
TTL_S = 10.0


def filled(count: int, *, data: str = "", kept: int = 50) -> tuple[History, list[Delivery]]:
    """Messages 10, 20, 30 …"""
    history = History(max_messages=kept, ttl_s=TTL_S, top=Top())
    sent = [delivery(10 * n, 10 * (n - 1), data=data) for n in range(1, count + 1)]
    for one in sent:
        history.append(one, 0.0)
    return history, sent


class PagingAgainstAList(RuleBasedStateMachine):
    """A reader that pages while messages come and go: all that it missed, once and in order, or told that it lost.

    ``chain`` is every message there ever was; ``position`` is how far the reader is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history = History(max_messages=MAX_MESSAGES, ttl_s=TTL_S, top=Top())
        self.chain: list[tuple[float, Delivery]] = []
        self.now = 0.0
        self.position = 0
        self.kept = 0

    @property
    def top(self) -> int:
        return self.chain[-1][1].seq if self.chain else 0

    def missed(self) -> list[Delivery]:
        return [message for _, message in self.chain if message.seq > self.position]

    def within(self) -> list[Delivery]:
        return [message for _, message in self.chain[len(self.chain) - self.kept :]]

    @rule(step=st.integers(1, 4), count=st.integers(1, 5))
    def publish(self, step: int, count: int) -> None:
        for _ in range(count):
            message = delivery(self.top + step, self.top)
            if self.kept == MAX_MESSAGES:
                self._forget_the_old()
            self.history.append(message, self.now)
            self.chain.append((self.now, message))
            self.kept = min(self.kept + 1, MAX_MESSAGES)

    @rule(seconds=st.integers(1, 8))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.history.expire(self.now)
        self._forget_the_old()

    @rule(limit=st.integers(1, 8), by_id=st.booleans())
    def read_a_page(self, limit: int, by_id: bool) -> None:
        missed, kept = self.missed(), self.within()
        here = next((m for _, m in self.chain if m.seq == self.position), None)
        is_kept = here in kept or (here is not None and here.seq == self.top)
        page = page_of(self.history, here.id if by_id and here and is_kept else Seq(self.position), limit)
        if [m.seq for m in missed] != [m.seq for m in kept][len(kept) - len(missed) :]:
            assert page.messages is None, "a part of what was missed was given out as if it were all"
            assert (page.oldest, page.top) == (kept[0].seq if kept else None, self.top)
            self.position = self.top
            return
        assert page.messages == tuple(missed[:limit])
        assert page.is_complete == (len(missed) <= limit)
        self.position = page.messages[-1].seq if page.messages else self.position

    @rule(limit=st.integers(1, 8))
    def begin_anew(self, limit: int) -> None:
        page, kept = page_of(self.history, EARLIEST, limit), self.within()
        assert page.messages == tuple(kept[:limit])
        assert page.is_complete == (len(kept) <= limit)
        self.position = page.messages[-1].seq if page.messages else self.top

    @rule()
    def page_to_the_end(self) -> None:
        """Whatever the limit, pages joined are the whole."""
        for limit in (1, 2, 5):
            got: list[Delivery] = []
            page = page_of(self.history, EARLIEST, limit)
            got += page.messages or ()
            while not page.is_complete:
                page = page_of(self.history, got[-1].seq, limit)
                got += page.messages or ()
            assert got == self.within()

    @invariant()
    def the_edge_is_exact(self) -> None:
        kept = self.within()
        if kept:
            assert page_of(self.history, kept[0].prev, 100).messages == tuple(kept)
            older = [m for _, m in self.chain if m.seq < kept[0].prev]
            assert all(page_of(self.history, m.seq, 100).messages is None for m in older)

    def _forget_the_old(self) -> None:
        self.kept = sum(1 for then, _ in self.chain[len(self.chain) - self.kept :] if self.now - then <= TTL_S)


TestPagingAgainstAList = PagingAgainstAList.TestCase
TestPagingAgainstAList.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_page_has_at_most_as_many_messages_as_were_asked_for_and_says_whether_more_follow() -> None:
    history, sent = filled(5)
    assert page_of(history, Seq(10), 3).messages == tuple(sent[1:4])
    assert not page_of(history, Seq(10), 3).is_complete
    assert page_of(history, Seq(10), 4).is_complete
    assert page_of(history, Seq(10), 1000).messages == tuple(sent[1:])


@pytest.mark.parametrize("after", [EARLIEST, None])
def test_earliest_begins_with_the_oldest_that_is_kept(after: Since) -> None:
    history, sent = filled(5, kept=3)
    assert page_of(history, after, 2).messages == tuple(sent[2:4])


def test_nothing_behind_the_top_is_a_page_and_complete() -> None:
    history, sent = filled(3)
    for after in (Seq(30), sent[-1].id):
        page = page_of(history, after, 10)
        assert (page.messages, page.top, page.is_complete) == ((), 30, True)


def test_a_topic_without_messages_is_complete_from_its_beginning() -> None:
    history = History(max_messages=5, ttl_s=TTL_S, top=Top())
    for after in (EARLIEST, Seq(0)):
        assert page_of(history, after, 10).is_complete


def test_a_lost_position_is_told_with_what_is_left() -> None:
    history, _ = filled(9, kept=3)
    page = page_of(history, Seq(10), 10)
    assert (page.messages, page.oldest, page.top, page.is_complete) == (None, 70, 90, False)
    history.expire(TTL_S + 1)
    page = page_of(history, Seq(10), 10)
    assert (page.messages, page.oldest, page.top) == (None, None, 90)


def test_a_page_ends_behind_the_message_that_makes_it_a_mebibyte() -> None:
    history, sent = filled(30, data="x" * 100_000)
    seen: list[Delivery] = []
    while True:
        page = page_of(history, seen[-1].seq if seen else EARLIEST, 1000)
        assert page.messages
        size = sum(message.size for message in page.messages)
        assert size < PAGE_BYTES + page.messages[-1].size
        assert page.is_complete or size >= PAGE_BYTES
        seen += page.messages
        if page.is_complete:
            break
    assert seen == sent


def test_a_message_larger_than_a_page_is_a_page_of_its_own() -> None:
    history, sent = filled(3, data="x" * PAGE_BYTES)
    assert page_of(history, Seq(10), 1000).messages == (sent[1],)


@pytest.mark.gen_test
async def test_an_answer_that_nobody_waits_for_any_more_is_not_an_error() -> None:
    history, _ = filled(1)
    read = Read(EARLIEST, 10, Seq(10), asyncio.get_running_loop().create_future())
    read.answer.cancel()
    read.reply(page_of(history, EARLIEST, 10))
    twice = Read(EARLIEST, 10, Seq(10), asyncio.get_running_loop().create_future())
    twice.reply(None)
    twice.reply(page_of(history, EARLIEST, 10))
    assert await twice.answer is None


@pytest.mark.gen_test
async def test_a_page_waits_for_what_was_stored_when_it_was_asked_for() -> None:
    topic = Topic()
    topic.publish(200)  # more than one turn of the topic takes
    page = await asked(topic, EARLIEST, stored=topic.seq)
    assert [message.seq for message in page.messages or ()][-1] == page.top == topic.seq
    assert page.oldest == topic.seq - 490


@pytest.mark.gen_test
async def test_a_page_asked_for_during_a_fan_out_in_slices_has_what_was_published_meanwhile() -> None:
    topic, crowd = Topic(), [Subscriber() for _ in range(2 * SLICE + 50)]
    for one in crowd:
        topic.mailbox.control(Join(one.mailbox, None))
    await topic.rest()
    topic.publish()
    await until(lambda: crowd[0].seqs, "the first slice")
    assert not crowd[-1].seqs
    topic.publish(3)
    page = await asked(topic, Seq(10), stored=topic.seq)
    assert [message.seq for message in page.messages or ()] == [20, 30, 40]
    await topic.rest()
    assert all(one.seqs == [10, 20, 30, 40] for one in crowd)


@pytest.mark.gen_test
async def test_a_stored_message_that_never_reached_the_topic_does_not_keep_a_page_waiting() -> None:
    topic = Topic()
    topic.publish()
    page = await asked(topic, Seq(10), stored=99)
    assert (page.messages, page.top) == ((), 10)


@pytest.mark.gen_test
async def test_a_page_forgets_what_is_too_old_first() -> None:
    topic = Topic(history_ttl_s=60.0)
    topic.publish(2)
    await topic.rest()
    topic.world.clock.advance(61.0)
    page = await asked(topic, Seq(10), stored=20)
    assert (page.messages, page.oldest, page.top) == (None, None, 20)


async def asked(topic: Topic, after: Since, *, stored: int) -> Page:
    read = Read(after, 1000, Seq(stored), asyncio.get_running_loop().create_future())
    topic.mailbox.control(read)
    async with asyncio.timeout(3):
        page = await read.answer
    assert page is not None
    return page
