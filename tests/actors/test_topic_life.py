"""A topic with a crowd before it, without anybody, and after a failure."""

import asyncio
import time
from typing import Any

import pytest
from fake_socket import FakeSocket
from loop_turns import turns, until
from one_topic import Subscriber, T, Topic

from actors.client_mailbox import ClientMailbox
from actors.meter import Meter
from actors.protocol.messages import EARLIEST
from actors.runtime.overflow import OverflowPolicy
from actors.topic import IDLE_CHECK_S, SLICE
from actors.topic_requests import Join, Joined, Leave, NotServed


@pytest.mark.gen_test
async def test_more_recipients_than_a_slice_all_get_everything_in_order() -> None:
    topic, crowd = Topic(), [Subscriber() for _ in range(2 * SLICE + 50)]
    for one in crowd:
        topic.mailbox.control(Join(one.mailbox, None))
    await topic.rest()
    for _ in range(5):
        topic.publish(2)
        await asyncio.sleep(0)
    await until(lambda: len(crowd[-1].seqs) == 10, "the last of the crowd")
    assert all(one.seqs == list(range(10, 110, 10)) for one in crowd)


@pytest.mark.gen_test
async def test_a_fan_out_to_many_lets_others_have_the_loop_between_slices() -> None:
    topic, crowd = Topic(), [Subscriber() for _ in range(2 * SLICE + 1)]
    for one in crowd:
        topic.mailbox.control(Join(one.mailbox, None))
    await topic.rest()
    topic.publish()
    reached = set()
    while len(crowd[-1].seqs) < 1:
        await asyncio.sleep(0)
        reached.add(sum(len(one.socket.received) > 0 for one in crowd))
    assert {SLICE, 2 * SLICE} <= reached


@pytest.mark.gen_test
async def test_who_joins_during_a_fan_out_in_slices_gets_each_message_once() -> None:
    topic, crowd, late = Topic(), [Subscriber() for _ in range(2 * SLICE)], Subscriber()
    for one in crowd:
        topic.mailbox.control(Join(one.mailbox, None))
    await topic.rest()
    topic.publish()
    await until(lambda: crowd[0].seqs, "the first slice")
    assert not crowd[-1].seqs
    topic.mailbox.control(Join(late.mailbox, EARLIEST))
    topic.publish()
    await until(lambda: (late.answers(), len(late.seqs) == 2)[1], f"both messages at the late one: {late.seqs}")
    await topic.rest()
    assert late.seqs == [10, 20]


@pytest.mark.gen_test
async def test_a_topic_that_nobody_hears_and_that_keeps_nothing_retires() -> None:
    topic, ada = Topic(history_ttl_s=60.0), Subscriber()
    await topic.join(ada)
    topic.publish()
    topic.mailbox.control(Leave(ada.mailbox, answer=True))
    await topic.rest()
    clock = topic.world.clock
    clock.advance(IDLE_CHECK_S)
    await turns()
    assert topic.is_running(), "its history is still good"
    for _ in range(3):
        clock.advance(IDLE_CHECK_S)
        await turns()
    assert not topic.is_running()
    assert clock.waiting == []


@pytest.mark.gen_test
async def test_a_topic_that_somebody_hears_does_not_retire_and_costs_no_timer() -> None:
    topic, ada = Topic(), Subscriber()
    await topic.join(ada)
    for _ in range(3):
        topic.world.clock.advance(700.0)
        await turns()
    assert topic.is_running()
    assert topic.world.clock.waiting == []
    topic.mailbox.control(Leave(ada.mailbox, answer=False))
    await topic.rest()
    topic.world.clock.advance(700.0)
    await turns()
    assert not topic.is_running()


class Poison(ClientMailbox):
    """A mailbox that cannot take a message: a fault that no check at the door has seen."""

    def __init__(self, failures: int = 10**6) -> None:
        super().__init__(
            FakeSocket(),
            lambda topic: OverflowPolicy.DISCONNECT,
            Meter(),
            time.monotonic,
            max_messages=1,
            max_bytes=1_000,
            max_topics=1,
        )
        self.failures = failures

    def accept(self, deliveries: Any, taken: int) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise ValueError("poison")
        super().accept(deliveries, taken)

    def control(self, message: object) -> None:
        if isinstance(message, Joined) and self.failures > 10**5:
            raise ValueError("poison")
        super().control(message)


@pytest.mark.gen_test
async def test_a_topic_that_failed_goes_on_with_its_subscribers_and_its_history(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ValueError")
    topic, ada, poison, bob = Topic(), Subscriber(), Poison(failures=1), Subscriber()
    await topic.join(ada)
    topic.mailbox.control(Join(poison, None))
    topic.publish()
    await topic.rest()
    topic.publish()
    await topic.rest()
    assert ada.seqs == [10, 20]
    assert (await topic.join(bob, 0)).replayed == 2


@pytest.mark.gen_test
async def test_a_join_on_which_the_topic_fails_is_answered_and_not_half_done(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ValueError")
    topic, poison, ada = Topic(), Poison(), Subscriber()
    topic.mailbox.control(Join(poison, None))
    await until(lambda: not poison.empty(), "the answer")
    assert poison.take() == NotServed(T)
    await topic.join(ada)
    topic.publish()
    await topic.rest()
    assert ada.seqs == [10]
    assert poison.failures == 10**6, "the topic still offers to a client that it has told to be gone"
