"""Clients' mailboxes that fail on purpose: when they are handed a message, or when they have to let it wait."""

import time
from collections.abc import Sequence

from fake_socket import FakeSocket
from one_topic import Subscriber

from actors.client_mailbox import ClientMailbox
from actors.delivery import Delivery
from actors.meter import Meter
from actors.runtime.overflow import OverflowPolicy

__all__ = ["FailingAccept", "failing_once"]


def failing_once(failure: BaseException) -> Subscriber:
    """Its kernel raises ``failure`` for the first message, and takes every later one."""
    subscriber = Subscriber()
    failures, send = [failure], subscriber.socket.send

    def send_or_fail(frames: bytes) -> int:
        if failures:
            raise failures.pop()
        return send(frames)

    subscriber.socket.send = send_or_fail
    subscriber.mailbox.attach(lambda: None)  # it looks up its kernel's send anew
    return subscriber


class FailingAccept(ClientMailbox):
    """Its socket takes nothing, and it raises when it should keep what the socket did not take."""

    def __init__(self) -> None:
        super().__init__(
            FakeSocket(room=0),
            lambda topic: OverflowPolicy.DISCONNECT,
            Meter(),
            time.monotonic,
            max_messages=9,
            max_bytes=9_000,
            max_topics=1,
        )

    def accept(self, deliveries: Sequence[Delivery], taken: int) -> None:
        raise ValueError("cannot accept")
