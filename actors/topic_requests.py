"""What a topic's actor is asked and told, and what it answers."""

from dataclasses import dataclass

from actors.client_mailbox import ClientMailbox
from actors.protocol.envelope import Seq, TopicName
from actors.protocol.messages import Since

__all__ = ["CaughtUp", "Idle", "Join", "Joined", "Leave", "Left", "LoseItsPlace", "NotServed", "Refill"]


@dataclass(frozen=True, slots=True)
class Join:
    """Make ``client`` a subscriber from ``since`` on; answered by Joined in the client's control lane.

    ``automatic``: nobody asked; the client's own request, which may bring a ``since``, is still to come.
    """

    client: ClientMailbox
    since: Since
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """Answered by Left where ``answer`` is set."""

    client: ClientMailbox
    answer: bool


@dataclass(frozen=True, slots=True)
class Refill:
    """``client``'s mailbox has drained: give it what it missed since the position it remembers."""

    client: ClientMailbox


class Idle:
    """Time to see whether anybody still needs this topic."""


class CaughtUp:
    """The bus has delivered what some requests wait for."""


class LoseItsPlace:
    """What the bus has stored does not follow from what it delivered."""


@dataclass(frozen=True, slots=True)
class Joined:
    """``recovered`` False: the messages since ``since`` are not to be had, live ones follow ``seq``."""

    topic: TopicName
    seq: Seq
    recovered: bool
    replayed: int
    since: Since


@dataclass(frozen=True, slots=True)
class Left:
    topic: TopicName


@dataclass(frozen=True, slots=True)
class NotServed:
    """The answer to a Join or Leave on which the topic failed."""

    topic: TopicName
