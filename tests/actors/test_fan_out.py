"""One message, or several joined, to many mailboxes: each gets all of it, and a bad one costs the others nothing."""

from actor_world import delivery
from client_boxes import mailbox_of
from fake_socket import FakeSocket

from actors.client_signals import Overflowed, SlowEpisode, SocketLost
from actors.delivery import Delivery
from actors.fan_out import Missed, fan_out


class Subscriber:
    def __init__(self, room: int | None = None, *, max_messages: int = 10) -> None:
        self.socket = FakeSocket(room)
        self.mailbox = mailbox_of(self.socket, max_messages=max_messages, max_bytes=10**6)
        self.mailbox.attach(lambda: None)

    @property
    def seqs(self) -> list[int]:
        return [message["seq"] for message in self.socket.messages]


def send(batch: list[Delivery], *subscribers: Subscriber) -> None:
    fan_out(batch, b"".join(one.frame for one in batch), [one.mailbox for one in subscribers], Missed())


def test_every_subscriber_gets_every_message_in_order() -> None:
    subscribers = [Subscriber() for _ in range(5)]
    send([delivery(1), delivery(2)], *subscribers)
    send([delivery(3)], *subscribers)
    assert all(one.seqs == [1, 2, 3] for one in subscribers)


def test_all_subscribers_share_the_bytes_of_a_message() -> None:
    message = delivery(1)
    waiting = [Subscriber(0), Subscriber(0)]
    send([message], *waiting)
    batches = [one.mailbox.take_batch(1).items for one in waiting]
    assert batches == [[message], [message]]


def test_a_slow_a_full_and_a_dead_subscriber_do_not_keep_anything_from_the_others() -> None:
    slow, full, dead, healthy = Subscriber(5), Subscriber(0, max_messages=1), Subscriber(), Subscriber()
    dead.socket.gone = True
    send([delivery(1), delivery(2)], slow, full, dead, healthy)
    assert healthy.seqs == [1, 2]
    assert slow.mailbox.depth == 1
    assert isinstance(full.mailbox.take(), SlowEpisode)
    assert isinstance(full.mailbox.take(), Overflowed)
    assert isinstance(dead.mailbox.take(), SocketLost)


def test_a_mailbox_that_is_closed_is_passed_over() -> None:
    closed = Subscriber()
    closed.mailbox.close()
    send([delivery(1)], closed)
    assert closed.seqs == []
    assert closed.mailbox.take() is None


def test_nothing_is_handed_over_while_nobody_is_attached() -> None:
    restarting = Subscriber()
    restarting.mailbox.detach()
    send([delivery(1)], restarting)
    assert restarting.seqs == []
    assert restarting.mailbox.depth == 1
