"""A topic brings a client that is behind up to date, page by page, while it goes on publishing."""

from typing import Any

import pytest
from one_topic import Subscriber, T, Topic

from actors.backlog import Lost
from actors.client_mailbox import ClientMailbox
from actors.client_signals import Overflowed
from actors.protocol.envelope import Seq
from actors.topic_requests import Leave, NotServed, Refill


async def behind(topic: Topic, subscriber: Subscriber, messages: int) -> None:
    """``subscriber`` has joined since the beginning, and has got its first page of so many messages."""
    topic.publish(messages)
    await topic.rest()
    assert (await topic.join(subscriber, 0)).replayed == messages
    assert subscriber.wants_more


@pytest.mark.gen_test
async def test_each_page_is_followed_by_the_next_though_live_messages_keep_coming() -> None:
    topic, ada, bob = Topic(), Subscriber(max_messages=4), Subscriber()
    await topic.join(bob)
    await behind(topic, ada, 12)
    pages = 0
    while ada.wants_more:
        topic.publish()
        pages += await one_page(topic, ada)
    assert pages > 5
    topic.publish(2)
    await topic.rest()
    assert ada.seqs == bob.seqs
    assert len(ada.seqs) == len(set(ada.seqs)) == topic.seq // 10


async def one_page(topic: Topic, subscriber: Subscriber) -> int:
    subscriber.wants_more = False
    topic.mailbox.control(Refill(subscriber.mailbox))
    await topic.rest()
    assert subscriber.answers() == []
    return 1


@pytest.mark.gen_test
async def test_a_message_published_in_the_turn_of_the_last_page_comes_once() -> None:
    topic, ada = Topic(), Subscriber(max_messages=4)
    await behind(topic, ada, 4)
    topic.publish()
    topic.mailbox.control(Refill(ada.mailbox))
    topic.publish()
    await topic.rest()
    ada.answers()
    await topic.catch_up(ada)
    assert ada.seqs == [10, 20, 30, 40, 50, 60]


@pytest.mark.gen_test
async def test_what_history_forgot_between_two_pages_is_told_in_its_place() -> None:
    topic, ada = Topic(history_messages=10), Subscriber(max_messages=4)
    await behind(topic, ada, 10)
    received = list(ada.seqs)
    topic.publish(10)
    await topic.rest()
    await topic.catch_up(ada)
    assert ada.gaps == [Lost(T, Seq(received[-1]), Seq(110), None)]
    assert ada.seqs == received + list(range(110, 210, 10))


@pytest.mark.gen_test
async def test_what_history_forgot_to_the_last_message_is_told_and_live_ones_follow() -> None:
    topic, ada = Topic(history_ttl_s=5.0), Subscriber(max_messages=4)
    await behind(topic, ada, 10)
    received = list(ada.seqs)
    topic.world.clock.advance(6.0)
    await topic.catch_up(ada)
    ada.answers()
    assert ada.gaps == [Lost(T, Seq(received[-1]), None, None)]
    topic.publish()
    await topic.rest()
    assert ada.seqs == [*received, 110]


@pytest.mark.gen_test
async def test_where_a_final_message_may_be_lost_the_client_is_told_to_go_instead() -> None:
    topic, ada = Topic(history_messages=10, finals=frozenset({"end"})), Subscriber(max_messages=4)
    await behind(topic, ada, 10)
    received = list(ada.seqs)
    topic.publish(10)
    topic.mailbox.control(Refill(ada.mailbox))
    await topic.rest()
    topic.mailbox.control(Refill(ada.mailbox))
    await topic.rest()
    assert ada.answers() == [Overflowed(T)]
    assert (ada.seqs, ada.gaps) == (received, [])


@pytest.mark.gen_test
async def test_a_client_without_room_for_one_message_falls_behind_to_where_it_was() -> None:
    topic, ada = Topic(), Subscriber(0)
    topic.publish(4)
    await topic.rest()
    ada.socket.write(b"x" * 10**6)
    joined = await topic.join(ada, 20)
    assert (joined.replayed, ada.mailbox.depth, ada.mailbox.position_of(T)) == (2, 0, 20)
    ada.socket.let_through(None)
    ada.socket.received.clear()
    ada.answers()
    await topic.catch_up(ada)
    assert ada.seqs == [30, 40]


@pytest.mark.gen_test
async def test_a_refill_on_which_the_topic_fails_sends_the_client_to_resume(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ValueError")

    class Unfillable(ClientMailbox):
        __slots__ = ()

        def refill(self, *args: Any, **more: Any) -> None:
            raise ValueError("poison")

    topic, ada = Topic(), Subscriber(0)
    await topic.join(ada)
    ada.mailbox.fall_behind(T, Seq(0))
    ada.mailbox.__class__ = Unfillable
    topic.mailbox.control(Refill(ada.mailbox))
    await topic.rest()
    assert ada.mailbox.take() == NotServed(T)


@pytest.mark.gen_test
async def test_a_refill_that_comes_too_late_brings_nothing_twice() -> None:
    topic, live = Topic(), Subscriber()
    topic.publish(3)
    await topic.rest()
    await topic.join(live, 0)
    topic.mailbox.control(Refill(live.mailbox))
    await topic.rest()
    assert live.answers() == []
    assert live.seqs == [10, 20, 30]


@pytest.mark.gen_test
async def test_who_has_left_is_refilled_with_nothing() -> None:
    topic, ada = Topic(), Subscriber(max_messages=4)
    await behind(topic, ada, 10)
    received = list(ada.seqs)
    topic.mailbox.control(Leave(ada.mailbox, answer=False))
    topic.mailbox.control(Refill(ada.mailbox))
    await topic.rest()
    ada.answers()
    assert ada.seqs == received
