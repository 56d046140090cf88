"""Refilling a client's mailbox from history: how much at once, who is asked, and what is said of a loss."""

from actor_world import delivery
from client_boxes import mailbox_of
from fake_socket import FakeSocket

from actors.backlog import Lost
from actors.client_mailbox import ClientMailbox
from actors.client_signals import WRITABLE, SlowEpisode
from actors.delivery import Delivery
from actors.protocol.envelope import Seq, TopicName
from actors.runtime.mailbox import Outcome
from actors.runtime.overflow import OverflowPolicy

A, B, C = TopicName("a"), TopicName("b"), TopicName("c")


def history(topic: TopicName, count: int, *, size: int = 0) -> list[Delivery]:
    return [delivery(seq, seq - 1, topic, "x" * size) for seq in range(1, count + 1)]


def fall_behind(mailbox: ClientMailbox, topic: TopicName, missed: list[Delivery]) -> None:
    mailbox.fall_behind(topic, Seq(0))
    mailbox.refill(topic, missed)


def test_replays_leave_half_of_the_mailbox_to_what_is_live() -> None:
    mailbox = mailbox_of(FakeSocket(0), max_messages=10, max_bytes=10**6)
    fall_behind(mailbox, A, history(A, 11))
    assert mailbox.depth == 5
    live = [mailbox.offer(delivery(seq, seq - 1, B)) for seq in range(1, 6)]
    assert live == [Outcome.QUEUED] * 5


def test_replays_leave_half_of_the_bytes_to_what_is_live() -> None:
    missed = history(A, 11, size=100)
    mailbox = mailbox_of(FakeSocket(0), max_messages=100, max_bytes=sum(one.size for one in missed[:6]))
    fall_behind(mailbox, A, missed)
    assert mailbox.depth == 3


def test_a_replay_gets_its_half_beside_live_messages_and_never_more_than_there_is() -> None:
    for live, replayed in ((4, 5), (8, 2), (10, 0)):
        mailbox = mailbox_of(FakeSocket(0), max_messages=10, max_bytes=10**6)
        for message in history(B, live):
            mailbox.offer(message)
        fall_behind(mailbox, A, history(A, 11))
        assert mailbox.depth == live + replayed


def test_a_topic_that_may_lose_messages_leaves_half_to_one_that_is_refilled() -> None:
    mailbox = mailbox_of(FakeSocket(0), {B: OverflowPolicy.DROP_OLDEST}, max_messages=10, max_bytes=10**6)
    storm = history(B, 30)
    for message in storm[:15]:
        mailbox.offer(message)
    assert mailbox.depth == 10
    mailbox.fall_behind(A, Seq(0))
    mailbox.offer(storm[15])
    assert mailbox.depth == 5
    mailbox.refill(A, history(A, 11))
    assert mailbox.depth == 10


def test_a_storm_beside_it_does_not_keep_a_topic_from_asking_for_more() -> None:
    mailbox = mailbox_of(FakeSocket(), {B: OverflowPolicy.DROP_OLDEST}, max_messages=10, max_bytes=10**6)
    messages = history(A, 30)
    fall_behind(mailbox, A, messages)
    got: list[Delivery] = []
    for message in history(B, 200):
        mailbox.offer(message)  # faster than the browser reads: something of it always waits
        mailbox.offer(message)
        got += [item for item in mailbox.take_batch(1).items if isinstance(item, Delivery)]
        for _ in mailbox.take_refills():
            position = mailbox.position_of(A)
            mailbox.refill(A, [one for one in messages if position is None or one.seq > position])
    assert [one.seq for one in got if one.topic == A] == [one.seq for one in messages]


def test_topics_that_are_behind_share_the_room_for_replays() -> None:
    mailbox = mailbox_of(FakeSocket(0), max_messages=12, max_bytes=10**6)
    for topic in (A, B, C):
        mailbox.fall_behind(topic, Seq(0))
    for topic in (A, B, C):
        mailbox.refill(topic, history(topic, 13))
    waiting = [item.topic for item in mailbox.take_batch(10**6).items if isinstance(item, Delivery)]
    assert waiting == [A, A, B, B, C, C]


def test_a_mailbox_at_rest_takes_a_message_of_any_size_or_it_would_ask_for_ever() -> None:
    mailbox = mailbox_of(FakeSocket(), max_bytes=1_000)
    fall_behind(mailbox, A, history(A, 1, size=900))
    assert mailbox.depth == 1
    assert mailbox.position_of(A) is None


def test_a_page_that_finds_no_room_is_asked_for_again_once_there_is() -> None:
    socket = FakeSocket(0)
    mailbox = mailbox_of(socket, max_bytes=1_000)
    socket.write(b"x" * 900)
    fall_behind(mailbox, A, history(A, 2))
    assert (mailbox.depth, mailbox.position_of(A)) == (0, 0)
    assert mailbox.take() is None, "nothing goes out while the socket is full"
    socket.let_through(None)
    assert mailbox.take() is WRITABLE
    assert mailbox.take_refills() == [A]
    mailbox.refill(A, history(A, 2))
    assert mailbox.position_of(A) is None


def test_a_loss_is_not_told_before_the_message_behind_it_has_room() -> None:
    socket = FakeSocket(0)
    mailbox = mailbox_of(socket, {A: OverflowPolicy.CATCH_UP}, max_bytes=1_000)
    socket.write(b"x" * 900)
    mailbox.fall_behind(A, Seq(0))
    later = delivery(9, 8, A)
    mailbox.refill(A, [later], lost_after=Seq(0))
    socket.let_through(None)
    assert mailbox.take_batch(10**6).items == []
    assert mailbox.position_of(A) == 0
    mailbox.refill(A, [later], lost_after=Seq(0))
    assert mailbox.take_batch(10**6).items == [Lost(A, Seq(0), Seq(9), None), later]


def test_a_topic_is_asked_once_until_it_has_answered() -> None:
    mailbox = mailbox_of(FakeSocket(0), {A: OverflowPolicy.CATCH_UP}, max_messages=1)
    mailbox.attach(lambda: None)
    for message in history(A, 2):
        mailbox.offer(message)
    assert mailbox.take() == SlowEpisode([A], 1, OverflowPolicy.CATCH_UP)
    assert mailbox.take() is WRITABLE
    assert mailbox.take_batch(10**6).items == []
    assert mailbox.take_refills() == [A]
    assert mailbox.take_refills() == []
    assert mailbox.take() is None, "the actor has nothing to do until the topic has answered"


def test_a_topic_that_was_left_is_not_asked_and_takes_no_answer() -> None:
    mailbox = mailbox_of(FakeSocket(0), {A: OverflowPolicy.CATCH_UP}, max_messages=1)
    for message in history(A, 2):
        mailbox.offer(message)
    mailbox.forget_topic(A)
    assert mailbox.take_refills() == []
    mailbox.refill(A, history(A, 2))
    assert (mailbox.depth, mailbox.position_of(A)) == (0, None)


def test_who_left_and_came_back_while_it_was_asked_is_asked_again() -> None:
    mailbox = mailbox_of(FakeSocket(0), {A: OverflowPolicy.CATCH_UP}, max_messages=1)
    for _ in range(2):
        for message in history(A, 2):
            mailbox.offer(message)
        assert mailbox.take_refills() == [A]
        mailbox.forget_topic(A)


def test_a_closed_mailbox_is_not_refilled() -> None:
    mailbox = mailbox_of(FakeSocket(0))
    mailbox.close()
    fall_behind(mailbox, A, history(A, 2))
    assert (mailbox.depth, mailbox.bytes_waiting) == (0, 0)
