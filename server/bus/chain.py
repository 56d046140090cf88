"""The chain of ``prev``: whether messages follow from each other. Pure."""

from collections.abc import Sequence
from enum import Enum

from actors.protocol.envelope import Envelope, Seq

__all__ = ["Link", "follows", "link_of", "newest_run"]


class Link(Enum):
    """What a live message is to a worker that has everything up to some position."""

    NEXT = "next"
    DUPLICATE = "duplicate"
    GAP = "gap"  # or a fork: what is stored will tell


def link_of(last: Seq, envelope: Envelope) -> Link:
    if envelope.prev == last:
        return Link.NEXT
    return Link.DUPLICATE if envelope.seq <= last else Link.GAP


def follows(last: Seq, messages: Sequence[Envelope], top: Seq) -> bool:
    """Whether what is stored behind ``last`` goes on right there; without any, ``last`` has to be the ``top``."""
    if not messages:
        return last == top
    return messages[0].prev == last and len(newest_run(messages)) == len(messages)


def newest_run(messages: Sequence[Envelope]) -> Sequence[Envelope]:
    """The messages from the last break of the chain on: those before were trimmed away or lost meanwhile."""
    start = 0
    for index in range(1, len(messages)):
        if messages[index].prev != messages[index - 1].seq:
            start = index
    return messages[start:]
