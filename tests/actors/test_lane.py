"""One topic's lane: what waits, and the gap in the place of each loss."""

from collections.abc import Callable

import pytest
from actor_world import delivery

from actors.delivery import Delivery
from actors.lane import Gap, Lane
from actors.protocol.envelope import Seq, TopicName
from actors.runtime.overflow import OverflowPolicy, Waiting


def lane_of(*messages: Delivery, policy: OverflowPolicy = OverflowPolicy.DROP_OLDEST) -> Lane:
    """Messages under the numbers 1, 2, 3 …"""
    lane = Lane(TopicName("t"), policy)
    for number, message in enumerate(messages, start=1):
        lane.add(number, message)
    return lane


def chain(count: int) -> list[Delivery]:
    """Positions 10, 20, 30 …"""
    return [delivery(10 * number, 10 * (number - 1)) for number in range(1, count + 1)]


def gaps(lane: Lane) -> dict[int, Gap]:
    return {entry.delivery.seq: entry.gap for entry in lane.entries.values() if entry.gap}


def test_two_gaps_in_a_row_are_one_and_what_is_unknown_stays_unknown() -> None:
    first, second, unknown = Gap(Seq(10), 2), Gap(Seq(30), 3), Gap(Seq(30), None)
    assert first.then(None) == first
    assert first.then(second) == Gap(Seq(10), 5)
    assert first.then(unknown) == Gap(Seq(10), None)
    assert unknown.then(first) == Gap(Seq(30), None)


def test_a_lost_message_leaves_a_gap_in_front_of_the_next() -> None:
    lane = lane_of(*chain(4))
    lane.lose(2)
    assert gaps(lane) == {30: Gap(Seq(10), 1)}
    assert lane.tail is None


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3), (2, 3, 1)])
def test_losses_in_a_row_are_one_gap_in_whatever_order_they_happen(order: tuple[int, ...]) -> None:
    lane = lane_of(*chain(4))
    for number in order:
        lane.lose(number)
    assert gaps(lane) == {40: Gap(Seq(0), 3)}


def test_losses_on_both_sides_of_what_is_kept_are_two_gaps() -> None:
    lane = lane_of(*chain(5))
    for number in (1, 3, 5):
        lane.lose(number)
    assert gaps(lane) == {20: Gap(Seq(0), 1), 40: Gap(Seq(20), 1)}
    assert lane.tail == Gap(Seq(40), 1)


def test_what_is_lost_at_the_end_is_told_before_the_next_message_that_is_kept() -> None:
    first, *lost, last = chain(5)
    lane = lane_of(first)
    for message in lost:
        lane.lose_newcomer(message)
    assert lane.tail == Gap(Seq(10), 3)
    lane.add(2, last)
    assert gaps(lane) == {50: Gap(Seq(10), 3)}
    assert lane.tail is None


def test_an_evicted_end_joins_what_was_lost_behind_it() -> None:
    first, second, third = chain(3)
    lane = lane_of(first, second)
    lane.lose_newcomer(third)
    lane.lose(2)
    assert lane.tail == Gap(Seq(10), 2)


@pytest.mark.parametrize(
    ("make", "position"),
    [
        (lambda: lane_of(*chain(2)), 0),
        (lambda: lane_of(chain(3)[1]), 10),
        (lambda: lane_of(), 30),
        (lambda: lane_behind_a_gap(), 5),
        (lambda: lane_with_a_tail(), 7),
    ],
)
def test_a_lane_falls_behind_to_what_was_received_last(make: Callable[[], Lane], position: int) -> None:
    lane = make()
    lane.fall_behind(delivery(40, 30))
    assert lane.behind == position


def lane_behind_a_gap() -> Lane:
    lane = lane_of(policy=OverflowPolicy.CATCH_UP)
    lane.tail = Gap(Seq(5), None)
    lane.add(1, delivery(30, 20))
    return lane


def lane_with_a_tail() -> Lane:
    lane = lane_of(policy=OverflowPolicy.CATCH_UP)
    lane.tail = Gap(Seq(7), None)
    return lane


def test_latest_knows_the_waiting_news_by_key_else_by_type() -> None:
    typed, keyed = delivery(10), delivery(20, 10, key="k")
    lane = lane_of(typed, keyed, policy=OverflowPolicy.LATEST)
    assert lane.superseded_by(delivery(30, 20)) == 1
    assert lane.superseded_by(delivery(30, 20, type="y", key="k")) == 2
    assert lane.superseded_by(delivery(30, 20, type="y")) is None


def test_a_key_that_looks_like_a_type_is_the_same_subject() -> None:
    lane = lane_of(delivery(10, type="x"), policy=OverflowPolicy.LATEST)
    assert lane.superseded_by(delivery(20, 10, type="y", key="x")) == 1


def test_latest_never_supersedes_a_final_message() -> None:
    lane = lane_of(delivery(10, is_final=True), policy=OverflowPolicy.LATEST)
    assert lane.superseded_by(delivery(20, 10)) is None


def test_no_other_policy_supersedes() -> None:
    for policy in set(OverflowPolicy) - {OverflowPolicy.LATEST}:
        assert lane_of(delivery(10), policy=policy).superseded_by(delivery(20, 10)) is None


def test_what_was_sent_is_superseded_by_nothing() -> None:
    lane = lane_of(delivery(10), policy=OverflowPolicy.LATEST)
    lane.remove(1)
    assert lane.superseded_by(delivery(20, 10)) is None
    assert lane.is_at_rest


def test_a_replay_may_hold_older_news_too_and_sending_it_leaves_the_newest_to_be_superseded() -> None:
    lane = lane_of(*chain(2), policy=OverflowPolicy.LATEST)
    lane.remove(1)
    assert lane.superseded_by(delivery(30, 20)) == 2


def test_a_gap_outlives_the_superseded_message_behind_it() -> None:
    lane = lane_of(policy=OverflowPolicy.LATEST)
    lane.tail = Gap(Seq(10), None)
    lane.add(1, delivery(50, 40))
    lane.add(2, delivery(60, 50, key="other"))
    lane.supersede(1)
    assert gaps(lane) == {60: Gap(Seq(10), None)}
    lane.supersede(2)
    assert lane.tail == Gap(Seq(10), None)


def test_a_lane_is_at_rest_once_nothing_is_remembered_in_it() -> None:
    lane = lane_of(*chain(1))
    seen = [lane.is_at_rest]
    lane.lose(1)
    seen.append(lane.is_at_rest)  # its loss is still to be told
    lane.tail = None
    seen.append(lane.is_at_rest)
    lane.behind = Seq(10)
    seen.append(lane.is_at_rest)
    assert seen == [False, False, True, False]


def test_a_policy_sees_what_waits_from_either_end() -> None:
    final = delivery(20, 10, data="x" * 50, is_final=True)
    lane = lane_of(delivery(10), final)
    assert [one.number for one in lane] == [1, 2]
    assert next(reversed(lane)) == Waiting(2, final.size, True)
