"""The mailbox: an actor's address, its waiting messages and their bound.

Senders hold the mailbox and never the actor, so that a restarted actor keeps its address and what waits
in it. Nothing here ever blocks: a sender is told what became of its message, and decides.
"""

from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from actors.runtime.fifo import Fifo

__all__ = ["ControlLane", "ControlLaneFull", "Mailbox", "Outcome"]

Data = TypeVar("Data")


class Outcome(Enum):
    """What became of a message that was offered."""

    QUEUED = "queued"
    REFUSED = "refused"  # the mailbox is full, and its sender is told
    DROPPED = "dropped"  # it, or what waited before it, is lost, and a gap says so
    SUPERSEDED = "superseded"  # it waits in the place of older news
    DEFERRED = "deferred"  # its topic is refilled from history later
    OVERFLOWED = "overflowed"  # the mailbox is full, and its owner pays for it
    CLOSED = "closed"


class ControlLaneFull(Exception):
    """More control messages wait than the owner's design allows for: a bug or an attack, never normal load."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.limit} control messages wait already"


class ControlLane:
    """What every mailbox has: control messages, at most ``max_control``, and the owner that they wake.

    Control is what must not wait behind data (stop, subscribe, heartbeat, replies). Its bound is a multiple of
    what can wait there by design, and crossing it is an error.
    """

    __slots__ = ("_control", "_run", "_wake", "max_control")

    def __init__(self, *, max_control: int) -> None:
        self.max_control = max_control
        self._control: Fifo[object] = Fifo()
        self._wake: Callable[[], None] | None = None
        self._run: Callable[[], None] | None = None

    def __len__(self) -> int:
        """The messages that wait."""
        return len(self._control)

    def control(self, message: object) -> None:
        """Queue ahead of all data. Raises: ControlLaneFull."""
        self._queue_control(message)
        self._wake_owner()

    def control_now(self, message: object) -> None:
        """Queue, and let an owner that is at rest take its turn at once instead of in the loop's next round.

        For senders outside any actor's turn, such as a socket's reader. Raises: ControlLaneFull.
        """
        self._queue_control(message)
        if self._run is not None:
            self._run()

    def put(self, envelope: object, /) -> None:
        """Pykka's own door (``ActorRef.tell`` and ``ask``): its messages are control. Raises: ControlLaneFull."""
        self.control(envelope)

    def get(self) -> object:
        """Pykka's side of ``take``. Raises: IndexError where nothing waits."""
        message = self.take()
        if message is None:
            raise IndexError("the mailbox is empty")
        return message

    def empty(self) -> bool:
        return not self._control

    def take(self) -> object | None:
        """The next message for the owner; ``None`` where it may rest."""
        return self._control.popleft()

    def attach(self, wake: Callable[[], None], run: Callable[[], None] | None = None) -> None:
        """A new incarnation of the owner: woken for all that comes, and at once for what already waits.

        ``wake`` asks for a turn, ``run`` takes one, where the owner is not in the middle of something.
        """
        self._wake = wake
        self._run = run
        if not self.empty():
            wake()

    def detach(self) -> None:
        """The owner is gone; messages wait for the next one."""
        self._wake = None
        self._run = None

    def _queue_control(self, message: object) -> None:
        if len(self._control) >= self.max_control:
            raise ControlLaneFull(self.max_control)
        self._control.append(message)

    def _wake_owner(self) -> None:
        if self._wake is not None:
            self._wake()


class Mailbox(ControlLane, Generic[Data]):
    """A control lane, and behind it data: first in, first out, at most ``max_messages``."""

    __slots__ = ("_data", "high_water", "max_messages")

    def __init__(self, *, max_messages: int, max_control: int) -> None:
        super().__init__(max_control=max_control)
        self.max_messages = max_messages
        self.high_water = 0
        self._data: Fifo[Data] = Fifo()

    def __len__(self) -> int:
        """The messages that wait in both lanes."""
        return len(self._control) + len(self._data)

    @property
    def depth(self) -> int:
        """The data messages that wait."""
        return len(self._data)

    @property
    def has_room(self) -> bool:
        return len(self._data) < self.max_messages

    def offer(self, message: Data) -> Outcome:
        """Queue ``message`` if the bound allows: QUEUED or REFUSED."""
        if len(self._data) >= self.max_messages:
            return Outcome.REFUSED
        self._data.append(message)
        self.high_water = max(self.high_water, len(self._data))
        self._wake_owner()
        return Outcome.QUEUED

    def empty(self) -> bool:
        return not (self._control or self._data)

    def take(self) -> object | None:
        """The next message, control first."""
        if self._control:
            return self._control.popleft()
        return self._data.popleft()

    def take_data(self) -> Data | None:
        """The next data message, whatever control waits."""
        return self._data.popleft()
