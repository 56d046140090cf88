"""A client's mailbox: its bounds, its short cut, and what it does with a part of a frame."""

import pytest
from actor_world import delivery
from client_boxes import mailbox_of
from fake_socket import FakeSocket

from actors.backlog import Lost
from actors.client_mailbox import ClientMailbox
from actors.client_signals import WRITABLE, Overflowed, SlowEpisode, SocketLost, Stalled
from actors.delivery import Delivery
from actors.fan_out import Missed, fan_out
from actors.protocol.envelope import Seq, TopicName
from actors.runtime.mailbox import Outcome

TOPIC = TopicName("t")


def nobody() -> None:
    """Wakes nobody."""


def offer(mailbox: ClientMailbox, *batch: Delivery) -> None:
    fan_out(batch, b"".join(one.frame for one in batch), [mailbox], Missed())


def test_an_empty_mailbox_before_a_writable_socket_keeps_nothing() -> None:
    socket = FakeSocket()
    mailbox = mailbox_of(socket)
    mailbox.attach(nobody)
    offer(mailbox, delivery(1), delivery(2))
    assert [message["seq"] for message in socket.messages] == [1, 2]
    assert (mailbox.depth, mailbox.bytes_waiting, mailbox.high_water) == (0, 0, 0)


def test_a_frame_that_was_taken_in_part_is_finished_before_any_other() -> None:
    first, second = delivery(1), delivery(2)
    socket = FakeSocket(10)
    mailbox = mailbox_of(socket)
    mailbox.attach(nobody)
    offer(mailbox, first, second)
    assert socket.stream == first.frame
    assert (mailbox.depth, mailbox.bytes_waiting) == (1, first.size - 10 + second.size)


def test_more_messages_than_the_bound_are_an_overflow_and_nothing_stays_in_memory() -> None:
    mailbox = mailbox_of(FakeSocket(0), max_messages=2, max_bytes=10**6)
    assert mailbox.offer(delivery(1)) is Outcome.QUEUED
    assert mailbox.offer(delivery(2)) is Outcome.QUEUED
    assert mailbox.offer(delivery(3)) is Outcome.OVERFLOWED
    assert mailbox.offer(delivery(4)) is Outcome.CLOSED
    assert (mailbox.depth, mailbox.bytes_waiting) == (0, 0)
    assert isinstance(mailbox.take(), SlowEpisode)
    assert isinstance(mailbox.take(), Overflowed)
    assert mailbox.take() is None


def test_the_bytes_in_the_sockets_buffer_count_against_the_bound() -> None:
    socket = FakeSocket(0)
    mailbox = mailbox_of(socket, max_bytes=1_000)
    socket.write(b"x" * 900)
    assert mailbox.bytes_waiting == 900
    assert mailbox.offer(delivery(1, data="y" * 60)) is Outcome.OVERFLOWED


def test_the_bytes_bound_is_exact() -> None:
    message = delivery(1)
    fits, too_small = (mailbox_of(FakeSocket(0), max_bytes=message.size - less) for less in (0, 1))
    assert fits.offer(message) is Outcome.QUEUED
    assert too_small.offer(message) is Outcome.OVERFLOWED


def test_a_refill_is_a_page_of_what_fits_and_the_last_one_makes_the_topic_live() -> None:
    mailbox = mailbox_of(FakeSocket(0), max_messages=4, max_bytes=10**6)
    history = [delivery(n, n - 1) for n in (1, 2, 3)]
    mailbox.fall_behind(TOPIC, Seq(0))
    mailbox.refill(TOPIC, history)
    assert (mailbox.depth, mailbox.position_of(TOPIC)) == (2, 2)
    assert mailbox.offer(delivery(4, 3)) is Outcome.DEFERRED
    assert mailbox.take_refills() == []
    assert mailbox.take_batch(10**6).items == history[:2]
    assert mailbox.take_refills() == [TOPIC]
    assert mailbox.take_refills() == []
    mailbox.refill(TOPIC, history[2:])
    assert mailbox.position_of(TOPIC) is None
    assert mailbox.offer(delivery(4, 3)) is Outcome.QUEUED


def test_a_refill_that_history_cannot_give_begins_with_a_gap() -> None:
    mailbox = mailbox_of(FakeSocket(0))
    mailbox.fall_behind(TOPIC, Seq(1))
    mailbox.refill(TOPIC, [delivery(5, 4)], lost_after=Seq(1))
    lost, message = mailbox.take_batch(10**6).items
    assert lost == Lost(TOPIC, Seq(1), Seq(5), None)
    assert isinstance(message, Delivery)


def test_a_stalled_write_is_told_to_the_actor_ahead_of_data() -> None:
    socket = FakeSocket(0)
    mailbox = mailbox_of(socket)
    mailbox.offer(delivery(1))
    socket.stall()
    assert isinstance(mailbox.take(), Stalled)


def test_control_goes_before_waiting_data_and_during_a_hold() -> None:
    mailbox = mailbox_of(FakeSocket())
    mailbox.offer(delivery(1))
    mailbox.hold()
    mailbox.control("answer")
    assert mailbox.take() == "answer"
    assert mailbox.take() is None
    mailbox.release()
    assert mailbox.take() is WRITABLE


def test_frames_are_drained_joined_up_to_about_what_was_asked_for() -> None:
    mailbox = mailbox_of(FakeSocket())
    messages = [delivery(n) for n in (1, 2, 3)]
    mailbox.accept(messages, 0)
    assert mailbox.take_batch(messages[0].size + 1).items == messages[:2]
    assert mailbox.take_batch(1).items == messages[2:]
    assert mailbox.take_batch(1).items == []


def test_a_connection_that_is_gone_is_said_once() -> None:
    socket = FakeSocket()
    mailbox = mailbox_of(socket)
    mailbox.attach(nobody)
    socket.gone = True
    offer(mailbox, delivery(1))
    offer(mailbox, delivery(2))
    assert isinstance(mailbox.take(), SocketLost)
    assert mailbox.take() is None


@pytest.mark.parametrize("taken", range(0, 400, 37))
def test_whatever_the_kernel_takes_of_joined_frames_the_rest_follows_in_order(taken: int) -> None:
    messages = [delivery(n) for n in (1, 2, 3)]
    joined = b"".join(one.frame for one in messages)
    socket = FakeSocket(taken)
    mailbox = mailbox_of(socket)
    mailbox.attach(nobody)
    offer(mailbox, *messages)
    socket.let_through(None)
    for waiting in mailbox.take_batch(10**6).items:
        assert isinstance(waiting, Delivery)
        socket.write(waiting.frame)
    assert bytes(socket.received) == joined
