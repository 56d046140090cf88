"""A topic fails in the middle of a fan-out: its round goes on behind the subscriber on which it failed."""

from typing import Any

import pytest
from faulty_boxes import FailingAccept, failing_once
from loop_turns import turns, until
from one_topic import Subscriber, T, Topic

from actors.client_signals import Broken
from actors.delivery import Delivery
from actors.history import History
from actors.metrics import ACTOR_DEAD_LETTERS, ACTOR_FAILURES, ACTOR_RESTARTS, WS_SENT_MESSAGES
from actors.protocol.messages import EARLIEST
from actors.topic import SLICE, TopicActor
from actors.topic_requests import Join, Leave


@pytest.fixture(autouse=True)
def _failures_are_meant(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")


async def crowd_with(odd: Subscriber, number: int, size: int) -> tuple[Topic, list[Subscriber]]:
    """A topic with ``size`` subscribers, of whom ``odd`` is the one with that number."""
    topic = Topic()
    crowd = [Subscriber() for _ in range(size)]
    crowd[number] = odd
    for one in crowd:
        topic.mailbox.control(Join(one.mailbox, None))
    await topic.rest()
    for one in crowd:
        one.answers()
    return topic, crowd


@pytest.mark.parametrize("number", [0, 1, SLICE - 1, SLICE, 2 * SLICE, 2 * SLICE + 49])
@pytest.mark.gen_test
async def test_whoever_comes_behind_the_failure_gets_each_message_once_from_the_next_incarnation(number: int) -> None:
    odd = failing_once(SystemExit(1))
    topic, crowd = await crowd_with(odd, number, 2 * SLICE + 50)
    topic.publish(3)
    topic.publish(1)
    others = [one for one in crowd if one is not odd]
    await until(lambda: all(len(one.seqs) == 4 for one in others[-2:]), "the end of the crowd")
    await topic.rest()
    assert {tuple(one.seqs) for one in others} == {(10, 20, 30, 40)}
    meter = topic.world.telemetry.meter
    assert (meter.counts(ACTOR_FAILURES)["topic"], meter.counts(ACTOR_RESTARTS)["topic"]) == (1, 1)
    assert sum(meter.counts(ACTOR_DEAD_LETTERS).values()) == 0, "no message is to blame"


@pytest.mark.gen_test
async def test_what_comes_during_the_back_off_follows_the_round_that_was_interrupted() -> None:
    topic, crowd = await crowd_with(failing_once(SystemExit(1)), 1, 5)
    again, last = failing_once(KeyboardInterrupt()), Subscriber()
    await topic.join(again)
    await topic.join(last)
    topic.publish()
    await until(lambda: topic.world.clock.waiting[0] < 1.0, "the back-off")
    assert (crowd[4].seqs, last.seqs) == ([10], [])
    topic.publish(2)
    await turns()
    assert last.seqs == []
    topic.world.clock.advance(1.0)
    await until(lambda: len(last.seqs) == 3, f"all of it: {last.seqs}")
    assert crowd[4].seqs == last.seqs == [10, 20, 30]


@pytest.mark.gen_test
async def test_who_joins_while_a_round_is_interrupted_gets_each_message_once() -> None:
    topic, crowd = await crowd_with(failing_once(SystemExit(1)), SLICE + 1, 2 * SLICE)
    late = Subscriber()
    topic.publish()
    await until(lambda: crowd[0].seqs, "the first slice")
    topic.mailbox.control(Join(late.mailbox, EARLIEST))
    topic.publish()
    await until(lambda: (late.answers(), len(late.seqs) == 2)[1], f"both at the late one: {late.seqs}")
    await topic.rest()
    assert late.seqs == [10, 20]
    assert crowd[-1].seqs == [10, 20]


@pytest.mark.gen_test
async def test_who_leaves_while_a_round_is_interrupted_is_gone_for_the_next_round() -> None:
    topic, crowd = await crowd_with(failing_once(SystemExit(1)), SLICE + 1, 2 * SLICE)
    topic.publish()
    await until(lambda: crowd[0].seqs, "the first slice")
    topic.mailbox.control(Leave(crowd[-1].mailbox, answer=False))
    topic.publish()
    await until(lambda: len(crowd[-2].seqs) == 2, "the second round")
    assert crowd[-1].seqs == [10]


@pytest.mark.gen_test
async def test_poison_in_the_middle_of_joined_messages_is_the_only_one_that_is_lost(
    expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_logs.allow("dead letter")
    append = History.append

    def failing_append(history: History, delivery: Delivery, now: float) -> None:
        if delivery.seq == 30:
            raise ValueError("poison")
        append(history, delivery, now)

    monkeypatch.setattr(History, "append", failing_append)
    topic, ada, late = Topic(), Subscriber(), Subscriber()
    await topic.join(ada)
    topic.publish(5)
    topic.mailbox.control(Join(late.mailbox, EARLIEST))
    await topic.rest()
    late.answers()
    assert ada.seqs == [10, 20, 40, 50]
    assert late.seqs == [10, 20, 40, 50]
    meter, letters = topic.world.telemetry.meter, topic.world.telemetry.dead_letters.last()
    assert [(letter.reason, letter.topic, letter.actor) for letter in letters] == [("poison", T, "topic t")]
    assert meter.counts(ACTOR_DEAD_LETTERS)["poison"] == 1


@pytest.mark.gen_test
async def test_a_mailbox_that_fails_to_accept_costs_its_own_client_the_place_and_nobody_a_message() -> None:
    topic, ada, bob, broken = Topic(), Subscriber(), Subscriber(), FailingAccept()
    await topic.join(ada)
    broken.attach(lambda: None)
    topic.mailbox.control(Join(broken, None))
    await topic.join(bob)
    broken.take()
    topic.publish(2)
    await topic.rest()
    topic.publish()
    await topic.rest()
    assert ada.seqs == bob.seqs == [10, 20, 30]
    told = broken.take()
    assert isinstance(told, Broken)
    assert str(told.failure) == "cannot accept"
    assert broken.take() is None, "told once"
    assert topic.world.telemetry.meter.counts(ACTOR_FAILURES)["topic"] == 0


@pytest.mark.gen_test
async def test_what_was_handed_over_before_a_failure_is_counted() -> None:
    topic, crowd = await crowd_with(failing_once(SystemExit(1)), 7, 10)
    topic.publish()
    await until(lambda: crowd[-1].seqs, "the end of the crowd")
    await topic.rest()
    assert sum(len(one.seqs) for one in crowd) == 9
    assert topic.world.telemetry.meter.counts(WS_SENT_MESSAGES)[""] == 9


@pytest.mark.gen_test
async def test_who_could_not_be_handed_a_message_is_told_that_its_place_is_lost() -> None:
    odd = failing_once(SystemExit(1))
    topic, crowd = await crowd_with(odd, 1, 3)
    topic.publish()
    await until(lambda: crowd[-1].seqs, "the end of the crowd")
    topic.publish()
    await topic.rest()
    assert [type(told) for told in odd.answers()] == [Broken], f"it goes on with {odd.seqs} as if nothing were missing"


@pytest.mark.gen_test
async def test_an_actor_that_is_ended_between_two_slices_leaves_the_rest_to_the_next() -> None:
    topic, crowd = await crowd_with(Subscriber(), 0, 3 * SLICE)
    topic.publish()
    await until(lambda: crowd[0].seqs, "the first slice")
    child = topic.world.topics._children[T]
    assert isinstance(child.actor, TopicActor)
    child.actor._lose_patience()
    assert not crowd[-1].seqs
    await until(lambda: crowd[-1].seqs, "the last slice")
    await topic.rest()
    assert {tuple(one.seqs) for one in crowd} == {(10,)}
