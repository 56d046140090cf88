"""The backlog of one client: messages of several topics in the order they came, with each loss in its place."""

from actor_world import delivery

from actors.backlog import Backlog, Lost
from actors.delivery import Delivery
from actors.lane import Gap
from actors.protocol.envelope import Seq, TopicName
from actors.runtime.overflow import OverflowPolicy

A, B = TopicName("a"), TopicName("b")
EVERYTHING = 10**6


def backlog(policy: OverflowPolicy = OverflowPolicy.DROP_OLDEST) -> Backlog:
    return Backlog(lambda topic: policy)


def add(backlog: Backlog, *messages: Delivery) -> None:
    for message in messages:
        backlog.add(backlog.lane(message.topic), message)


def numbers_of(backlog: Backlog, topic: TopicName) -> list[int]:
    return list(backlog.lane(topic).entries)


def test_messages_of_all_topics_come_out_in_the_order_they_went_in() -> None:
    box = backlog()
    messages = [delivery(10, 0, A), delivery(10, 0, B), delivery(20, 10, A), delivery(20, 10, B)]
    add(box, *messages)
    assert (len(box), box.bytes) == (4, sum(one.size for one in messages))
    assert box.take(EVERYTHING).items == messages
    assert (len(box), box.bytes, box.is_at_rest) == (0, 0, True)


def test_a_batch_is_at_least_one_message_and_ends_behind_the_one_that_fills_it() -> None:
    box = backlog()
    messages = [delivery(seq, seq - 1, A) for seq in (1, 2, 3, 4)]
    add(box, *messages)
    assert box.take(1).items == messages[:1]
    assert box.take(messages[1].size).items == messages[1:2]
    assert box.take(messages[1].size + 1).items == messages[2:]
    assert box.take(1).items == []


def test_a_loss_is_told_right_in_front_of_the_message_behind_it() -> None:
    box = backlog()
    add(box, delivery(10, 0, A), delivery(10, 0, B), delivery(20, 10, A))
    box.lose(box.lane(A), numbers_of(box, A)[0])
    b, lost, a = box.take(EVERYTHING).items
    assert isinstance(b, Delivery)
    assert isinstance(a, Delivery)
    assert (b.topic, lost, a.seq) == (B, Lost(A, Seq(0), Seq(20), 1), 20)


def test_a_loss_that_nothing_follows_is_told_once_nothing_waits_in_any_topic() -> None:
    box = backlog()
    first, second = delivery(10, 0, A), delivery(10, 0, B)
    add(box, first)
    box.lane(A).lose_newcomer(delivery(20, 10, A))
    add(box, second)
    assert box.take(1).items == [first]
    assert (len(box), box.is_at_rest) == (1, False)
    assert box.take(1).items == [second, Lost(A, Seq(10), None, 1)]
    assert box.is_at_rest
    assert box.take(1).items == []


def test_a_loss_is_told_even_where_nothing_waits_at_all() -> None:
    box = backlog()
    box.lane(A).lose_newcomer(delivery(20, 10, A))
    assert (len(box), box.is_at_rest) == (0, False)
    assert box.take(1).items == [Lost(A, Seq(10), None, 1)]
    assert box.is_at_rest


def test_superseding_counts_bytes_and_moves_the_news_to_the_end() -> None:
    box = backlog(OverflowPolicy.LATEST)
    older, other, newer = delivery(10, 0, A, "x" * 50), delivery(10, 0, B), delivery(20, 10, A)
    add(box, older, other)
    assert box.supersede(box.lane(A), newer)
    assert box.supersede(box.lane(A), newer) is None
    add(box, newer)
    assert (len(box), box.bytes) == (2, other.size + newer.size)
    assert box.take(EVERYTHING).items == [other, newer]


def test_a_loss_in_front_of_superseded_news_is_told_in_front_of_what_takes_its_place() -> None:
    box = backlog(OverflowPolicy.LATEST)
    box.lane(A).tail = Gap(Seq(10), None)
    newer = delivery(60, 50, A)
    add(box, delivery(50, 40, A))
    box.supersede(box.lane(A), newer)
    add(box, newer)
    assert box.take(EVERYTHING).items == [Lost(A, Seq(10), Seq(60), None), newer]


def test_a_topic_that_is_forgotten_leaves_nothing_behind_and_others_alone() -> None:
    box = backlog()
    other = delivery(10, 0, B)
    add(box, delivery(10, 0, A), other, delivery(20, 10, A))
    box.lane(A).lose_newcomer(delivery(30, 20, A))
    box.lane(A).behind = Seq(30)
    box.forget(A)
    box.forget(TopicName("never seen"))
    assert (len(box), box.bytes, box.topics) == (1, other.size, [B])
    assert box.take(EVERYTHING).items == [other]
    assert box.is_at_rest


def test_a_lane_that_falls_behind_is_remembered_without_its_messages() -> None:
    box = backlog(OverflowPolicy.CATCH_UP)
    add(box, delivery(20, 10, A))
    lane = box.lane(A)
    lane.fall_behind(delivery(30, 20, A))
    box.forget_messages(lane)
    assert (len(box), box.bytes, box.is_at_rest) == (0, 0, False)
    assert [one.behind for one in box.behind()] == [10]
    box.caught_up(lane)
    assert box.is_at_rest
    assert box.find(A) is None


def test_a_policy_is_asked_for_when_its_topic_first_waits_and_not_again() -> None:
    asked: list[str] = []

    def policy_of(topic: TopicName) -> OverflowPolicy:
        asked.append(topic)
        return OverflowPolicy.LATEST

    box = Backlog(policy_of)
    add(box, delivery(10, 0, A), delivery(20, 10, A))
    assert asked == [A]
    assert box.lane(A).policy is OverflowPolicy.LATEST


def test_clearing_leaves_nothing() -> None:
    box = backlog()
    add(box, delivery(10, 0, A), delivery(10, 0, B))
    box.clear()
    assert (len(box), box.bytes, box.is_at_rest, box.take(EVERYTHING).items) == (0, 0, True, [])
