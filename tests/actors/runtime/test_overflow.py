"""Each overflow policy's decision, against the bound that it has to keep."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.overflow import Decision, Excess, OverflowPolicy, Verdict, Waiting, decide

ONE_TOO_MANY = Excess(messages=1, bytes=-10_000)


def row(*finals: bool, size: int = 100) -> list[Waiting]:
    """What waits, oldest first: a final message for each True."""
    return [Waiting(number, size, is_final) for number, is_final in enumerate(finals, start=1)]


@pytest.mark.parametrize("policy", [OverflowPolicy.DISCONNECT, OverflowPolicy.LATEST])
@pytest.mark.parametrize("is_final", [False, True])
def test_where_nothing_may_be_lost_the_client_has_to_come_back(policy: OverflowPolicy, is_final: bool) -> None:
    assert decide(policy, row(False, False), ONE_TOO_MANY, is_final=is_final) == Decision(Verdict.DISCONNECT)


@pytest.mark.parametrize("is_final", [False, True])
def test_catch_up_gives_up_all_that_waits_finals_too_since_history_has_them(is_final: bool) -> None:
    decision = decide(OverflowPolicy.CATCH_UP, row(False, True, False), ONE_TOO_MANY, is_final=is_final)
    assert (decision.verdict, list(decision.evict)) == (Verdict.FALL_BEHIND, [1, 2, 3])


@pytest.mark.parametrize(
    ("finals", "excess", "evict"),
    [
        ([False, False, False], Excess(1, -1), [1]),
        ([False, False, False], Excess(2, -1), [1, 2]),
        ([False, False, False], Excess(0, 100), [1]),
        ([False, False, False], Excess(0, 101), [1, 2]),
        ([False, False, False], Excess(1, 250), [1, 2, 3]),
        ([True, False, False], Excess(1, 0), [2]),
        ([True, False, True, False], Excess(1, 200), [2, 4]),
    ],
)
def test_drop_oldest_evicts_from_the_front_no_more_than_it_must_and_no_final(
    finals: list[bool], excess: Excess, evict: list[int]
) -> None:
    assert decide(OverflowPolicy.DROP_OLDEST, row(*finals), excess, is_final=False) == Decision(Verdict.KEEP, evict)


def test_drop_newest_drops_the_newcomer_and_touches_nothing_that_waits() -> None:
    assert decide(OverflowPolicy.DROP_NEWEST, row(False), ONE_TOO_MANY, is_final=False) == Decision(Verdict.DROP)


def test_a_final_newcomer_under_drop_newest_takes_the_place_of_the_newest() -> None:
    decision = decide(OverflowPolicy.DROP_NEWEST, row(False, False, False, True), Excess(2, 0), is_final=True)
    assert decision == Decision(Verdict.KEEP, [3, 2])


@pytest.mark.parametrize("waiting", [row(), row(True, True), row(False, size=10)])
@pytest.mark.parametrize(
    ("policy", "is_final", "verdict"),
    [
        (OverflowPolicy.DROP_OLDEST, False, Verdict.DROP),
        (OverflowPolicy.DROP_OLDEST, True, Verdict.DISCONNECT),
        (OverflowPolicy.DROP_NEWEST, True, Verdict.DISCONNECT),
    ],
)
def test_where_no_eviction_would_help_nothing_is_evicted(
    waiting: list[Waiting], policy: OverflowPolicy, is_final: bool, verdict: Verdict
) -> None:
    assert decide(policy, waiting, Excess(0, 50), is_final=is_final) == Decision(verdict)


def test_what_waits_is_read_only_as_far_as_needed() -> None:
    class Endless(list[Waiting]):
        def __iter__(self) -> "itertools.chain[Waiting]":
            return itertools.chain(row(False, False), iter(self.refuse, None))

        def refuse(self) -> Waiting:
            raise AssertionError("read on behind what was needed")

    assert decide(OverflowPolicy.DROP_OLDEST, Endless(), ONE_TOO_MANY, is_final=False).evict == [1]


@given(
    policy=st.sampled_from([OverflowPolicy.DROP_OLDEST, OverflowPolicy.DROP_NEWEST]),
    waiting=st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=8),
    messages=st.integers(-2, 3),
    size=st.integers(-200, 600),
    is_final=st.booleans(),
)
def test_a_drop_policy_keeps_the_bound_at_the_least_cost(
    policy: OverflowPolicy, waiting: list[tuple[int, bool]], messages: int, size: int, is_final: bool
) -> None:
    excess = Excess(messages, max(size, 1) if messages <= 0 else size)
    there = [Waiting(number, *one) for number, one in enumerate(waiting)]
    decision = decide(policy, there, excess, is_final=is_final)
    evicted = [there[number] for number in decision.evict]
    assert not any(one.is_final for one in evicted)
    losable = [one for one in there if not one.is_final]
    if decision.verdict is Verdict.KEEP:
        from_the_front = policy is OverflowPolicy.DROP_OLDEST
        assert evicted == (losable if from_the_front else losable[::-1])[: len(evicted)]
        assert fits(evicted, excess)
        assert not fits(evicted[:-1], excess)
    else:
        assert not evicted
        assert decision.verdict is (Verdict.DISCONNECT if is_final else Verdict.DROP)
        assert not fits(losable, excess) or (policy is OverflowPolicy.DROP_NEWEST and not is_final)


def fits(evicted: list[Waiting], excess: Excess) -> bool:
    return len(evicted) >= excess.messages and sum(one.size for one in evicted) >= excess.bytes
