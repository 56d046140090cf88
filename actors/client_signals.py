"""What a client's mailbox tells its actor of itself: control messages without an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.protocol.envelope import TopicName
from actors.runtime.overflow import OverflowPolicy

__all__ = ["WRITABLE", "Broken", "Overflowed", "SlowEpisode", "SocketLost", "Stalled", "Underserved", "Writable"]


class Writable:
    """The socket has taken everything: what waits may go on."""


@dataclass(frozen=True, slots=True)
class SlowEpisode:
    """For the first time since the mailbox was at rest, a policy had to act."""

    topics: Sequence[TopicName]
    depth: int
    policy: OverflowPolicy


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The bound was crossed where nothing may be lost: the connection has to end."""

    topic: TopicName


class Stalled:
    """The oldest unsent byte is too old: the peer has stopped reading, or nearly so."""


class Broken:
    """Fan-out failed on this mailbox with ``failure``."""

    __slots__ = ("failure",)

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure


class Underserved:
    """A topic cannot be served now, and this client has no way to ask again on the same connection."""


class SocketLost:
    """The kernel refused for good: the connection is gone."""


WRITABLE = Writable()
