"""Overflow policies: what gives way when a message does not fit into a client's mailbox. Pure decisions.

A policy looks only at what waits of the newcomer's own topic: one busy topic never costs another one's
messages. Source of the names: docs/protocol.md §6.
"""

from collections.abc import Iterable, Reversible, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import NamedTuple, assert_never

__all__ = ["LOSSY", "Decision", "Excess", "OverflowPolicy", "Verdict", "Waiting", "decide"]


class OverflowPolicy(StrEnum):
    """What a topic's namespace configures as ``overflow``."""

    DISCONNECT = "disconnect"
    CATCH_UP = "catch_up"
    DROP_OLDEST = "drop_oldest"
    DROP_NEWEST = "drop_newest"
    LATEST = "latest"


LOSSY = frozenset({OverflowPolicy.DROP_OLDEST, OverflowPolicy.DROP_NEWEST})
"""Policies that always find something to give up."""


class Verdict(Enum):
    """What happens to the newcomer."""

    KEEP = "keep"  # once the evicted are gone, it fits
    DROP = "drop"  # it is lost, and a gap says so
    FALL_BEHIND = "fall behind"  # it comes from history later, like all that was evicted
    DISCONNECT = "disconnect"  # nothing may be lost here: the client comes back and resumes


class Waiting(NamedTuple):
    """A message of the same topic that waits already; ``number`` names it to the mailbox."""

    number: int
    size: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class Excess:
    """By how much the mailbox would be over its bounds with the newcomer in it."""

    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Decision:
    """``evict``: the numbers of waiting messages that give way."""

    verdict: Verdict
    evict: Sequence[int] = ()


def decide(policy: OverflowPolicy, waiting: Reversible[Waiting], excess: Excess, *, is_final: bool) -> Decision:
    """Who gives way to a newcomer that does not fit. ``waiting`` is oldest first, and read only as far as needed."""
    match policy:
        case OverflowPolicy.DISCONNECT | OverflowPolicy.LATEST:
            # What ``latest`` could give up, older news under the same key, is gone before this is asked.
            return Decision(Verdict.DISCONNECT)
        case OverflowPolicy.CATCH_UP:
            return Decision(Verdict.FALL_BEHIND, [message.number for message in waiting])
        case OverflowPolicy.DROP_OLDEST:
            return _make_room(waiting, excess, is_final=is_final)
        case OverflowPolicy.DROP_NEWEST:
            return _make_room(reversed(waiting), excess, is_final=True) if is_final else Decision(Verdict.DROP)
        case _:
            assert_never(policy)


def _make_room(candidates: Iterable[Waiting], excess: Excess, *, is_final: bool) -> Decision:
    """Evict candidates in their order until the newcomer fits; where it never does, evict none."""
    evict: list[int] = []
    messages, size = excess.messages, excess.bytes
    for message in candidates:
        if messages <= 0 and size <= 0:
            break
        if not message.is_final:
            evict.append(message.number)
            messages -= 1
            size -= message.size
    if messages <= 0 and size <= 0:
        return Decision(Verdict.KEEP, evict)
    return Decision(Verdict.DISCONNECT if is_final else Verdict.DROP)
