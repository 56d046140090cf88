"""The history against a plain list of everything that ever was."""

import pytest
from actor_world import delivery
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.delivery import Delivery
from actors.history import History
from actors.ports import Top
from actors.protocol.envelope import Seq, TraceId, new_trace_id

MAX_MESSAGES = 5
TTL_S = 10.0


def history(*, max_messages: int = MAX_MESSAGES, ttl_s: float = TTL_S, top: Top = Top()) -> History:  # noqa: B008 - immutable
    return History(max_messages=max_messages, ttl_s=ttl_s, top=top)


def filled(count: int, **bounds: int) -> tuple[History, list[Delivery]]:
    """Messages 10, 20, 30 … of which each names the one before."""
    kept, sent = history(**bounds), [delivery(10 * n, 10 * (n - 1)) for n in range(1, count + 1)]
    for one in sent:
        kept.append(one, 0.0)
    return kept, sent


class HistoryAgainstAList(RuleBasedStateMachine):
    """``all`` is every message ever with its time; what the history keeps is a tail of it."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[tuple[float, Delivery]] = []
        self.kept = 0
        self.now = 0.0
        self.top = 0
        self.history = history()

    @rule(step=st.integers(1, 3))
    def append(self, step: int) -> None:
        message = delivery(self.top + step, self.top)
        self.top = message.seq
        self.history.append(message, self.now)
        if self.kept == MAX_MESSAGES:
            self.forget_the_old()
        self.all.append((self.now, message))
        self.kept = min(self.kept + 1, MAX_MESSAGES)

    @rule(seconds=st.integers(0, 6))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def expire(self) -> None:
        self.history.expire(self.now)
        self.forget_the_old()

    def forget_the_old(self) -> None:
        self.kept = sum(1 for then, _ in self.tail() if self.now - then <= TTL_S)

    def tail(self) -> list[tuple[float, Delivery]]:
        return self.all[len(self.all) - self.kept :]

    def expected(self, seq: int) -> tuple[Delivery, ...] | None:
        messages = [message for _, message in self.tail()]
        links = {self.top} | {m.seq for m in messages} | {m.prev for m in messages}
        return tuple(m for m in messages if m.seq > seq) if seq in links else None

    @invariant()
    def it_answers_like_the_list(self) -> None:
        messages = tuple(message for _, message in self.tail())
        assert self.history.everything() == messages
        assert len(self.history) == len(messages)
        assert self.history.oldest == (messages[0].seq if messages else None)
        assert self.history.top == self.top
        for seq in range(max(0, self.top - 20), self.top + 2):
            assert self.history.after(Seq(seq)) == self.expected(seq), seq

    @invariant()
    def ids_are_as_good_as_positions(self) -> None:
        first = len(self.all) - self.kept
        known = {message.id for _, message in self.all[max(0, first - 1) :]}
        for _, message in self.all:
            found = self.history.after(message.id)
            assert found == (self.history.after(message.seq) if message.id in known else None)


TestHistoryAgainstAList = HistoryAgainstAList.TestCase
TestHistoryAgainstAList.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_after_a_message_come_the_later_ones_in_order() -> None:
    kept, sent = filled(4)
    assert kept.after(Seq(20)) == tuple(sent[2:])
    assert kept.after(sent[1].id) == tuple(sent[2:])


def test_the_one_before_the_oldest_is_a_good_position_and_older_ones_are_not() -> None:
    kept, sent = filled(7)
    assert kept.after(Seq(20)) == kept.after(sent[1].id) == tuple(sent[2:])
    assert kept.after(Seq(10)) is kept.after(sent[0].id) is None


@pytest.mark.parametrize("position", [15, 71, 99, 5])
def test_a_position_that_is_no_link_of_the_chain_is_never_good(position: int) -> None:
    assert filled(7)[0].after(Seq(position)) is None


def test_an_unknown_id_is_never_good() -> None:
    assert filled(3)[0].after(new_trace_id()) is None
    assert history().after(TraceId("")) is None


def test_zero_is_the_beginning_of_a_topic_that_was_kept_whole() -> None:
    kept, sent = filled(3)
    assert kept.after(Seq(0)) == tuple(sent)
    assert filled(6)[0].after(Seq(0)) is None


def test_the_top_outlives_its_message_by_position_and_by_id() -> None:
    kept, sent = filled(3)
    kept.expire(TTL_S + 0.1)
    assert (len(kept), kept.top, kept.oldest) == (0, 30, None)
    assert kept.after(Seq(30)) == kept.after(sent[2].id) == ()
    assert kept.after(Seq(20)) is None


def test_a_history_that_begins_later_knows_the_top_before_it() -> None:
    last = new_trace_id()
    kept = history(top=Top(Seq(30), last))
    assert kept.after(Seq(30)) == kept.after(last) == ()
    assert kept.after(Seq(0)) is None
    kept.append(delivery(40, 30), 0.0)
    assert [one.seq for one in kept.after(Seq(30)) or ()] == [40]
    assert kept.after(last) == kept.after(Seq(30))


def test_a_message_is_kept_for_its_whole_time_to_live() -> None:
    kept, _ = filled(1)
    kept.expire(TTL_S)
    assert len(kept) == 1


def test_a_history_of_nothing_still_knows_the_top() -> None:
    kept, sent = filled(3, max_messages=0)
    assert len(kept) == 0
    assert kept.after(Seq(30)) == kept.after(sent[2].id) == ()
    assert kept.after(Seq(20)) is None


def test_an_id_that_came_back_stands_for_its_newer_message() -> None:
    kept, again = history(max_messages=3), new_trace_id()
    kept.append(delivery(10, 0, id=again), 0.0)
    kept.append(delivery(20, 10), 0.0)
    kept.append(delivery(30, 20, id=again), 0.0)
    assert kept.after(again) == ()
    kept.append(delivery(40, 30), 0.0)
    assert [one.seq for one in kept.after(again) or ()] == [40]
    for seq in (50, 60, 70):
        kept.append(delivery(seq, seq - 10), 0.0)
    assert kept.after(again) is None


def test_a_chain_that_forked_is_resumed_only_from_links_that_are_there() -> None:
    kept = history()
    kept.append(delivery(10, 0), 0.0)
    kept.append(delivery(30, 20), 0.0)  # 20 was lost in a failover
    assert kept.after(Seq(20)) is None
    assert [one.seq for one in kept.after(Seq(10)) or ()] == [30]


@pytest.mark.parametrize("bound", [0, 2, 10])
def test_all_that_ever_came_is_counted_whatever_is_kept(bound: int) -> None:
    kept, sent = filled(6, max_messages=bound)
    assert (kept.appended, len(kept)) == (6, min(bound, len(sent)))
