"""Fan-out: one message, or several joined, to many mailboxes. The hottest lines of the gateway."""

from collections.abc import Iterable, Sequence

from actors.client_mailbox import ClientMailbox
from actors.delivery import Delivery

__all__ = ["Missed", "fan_out", "queue_up"]


class Missed:
    """How many did not take everything at once; right also where the fan-out fails in the middle."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


def fan_out(deliveries: Sequence[Delivery], frames: bytes, recipients: Iterable[ClientMailbox], missed: Missed) -> None:
    """Give ``frames``, the joined frames of ``deliveries``, to every recipient.

    Hot path: per delivery it reads one attribute, makes one system call and compares two integers. While a
    client's short cut is open, ``hand_over`` is the kernel's send itself, with no Python function between.
    No task, future, JSON, log line, counter or clock. ``python -m bench.fan_out`` shows what it costs.
    """
    size = len(frames)
    for mailbox in recipients:
        try:
            taken = mailbox.hand_over(frames)
        except BlockingIOError:
            taken = 0
        except OSError:
            missed.count += 1
            mailbox.lost()
            continue
        except BaseException as failure:
            missed.count += 1
            mailbox.broken(failure)
            raise
        if taken != size:
            missed.count += 1
            _let_wait(mailbox, deliveries, taken)


def queue_up(
    deliveries: Sequence[Delivery], frames: bytes, recipients: Iterable[ClientMailbox], missed: Missed
) -> None:
    """As ``fan_out`` without the short cut: each client's actor writes, and can tell the packet log of it."""
    for mailbox in recipients:
        missed.count += 1
        _let_wait(mailbox, deliveries, 0)


def _let_wait(mailbox: ClientMailbox, deliveries: Sequence[Delivery], taken: int) -> None:
    """A mailbox that fails costs its own client the connection, and nobody else a message."""
    try:
        mailbox.accept(deliveries, taken)
    except Exception as failure:  # noqa: BLE001
        mailbox.broken(failure)
