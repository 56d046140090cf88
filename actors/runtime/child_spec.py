"""What a supervisor needs to know of a child: how to make it, what its end means, who is told of it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

from actors.runtime.exit import Exit
from actors.runtime.restart import Intensity, Restart

__all__ = ["ChildSpec", "Measured", "Supervised", "Witness"]

DEFAULT_INTENSITY = Intensity()


class Supervised(Protocol):
    """What a supervisor can have as a child: an actor, or another supervisor."""

    def run(self, on_exit: Callable[[Exit], None], generation: int, label: str) -> None:
        """Begin; ``on_exit`` hears of the end, once, whatever it is."""

    def stop(self) -> None:
        """Ask it to end in order."""

    def end(self) -> None:
        """End it now: it was asked, and did not do so in time."""


class Measured(Protocol):
    """What can be seen of the mailbox of an actor that many others write to."""

    max_messages: int
    high_water: int

    @property
    def depth(self) -> int:
        """The messages that wait."""


class Witness(Protocol):
    """Who is told what happens in the tree: counters, logs, dead letters."""

    def failed(self, kind: str, record: Exit) -> None: ...

    def restarted(self, kind: str) -> None: ...

    def given_up(self, kind: str, record: Exit) -> None: ...


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to make a child, what its end means, and the seconds that it may take to stop.

    ``build`` makes one incarnation around what must outlive it: the mailbox and the state that it closes
    over. ``kind`` is what metrics call it. ``given_up`` hears when the intensity is exceeded, right before
    ``ended``; without it the whole supervisor gives up. ``mailbox`` is the one that outlives the incarnations.
    """

    kind: str
    name: Hashable
    build: Callable[[], Supervised]
    restart: Restart = Restart.TRANSIENT
    intensity: Intensity = DEFAULT_INTENSITY
    stop_s: float = 1.0
    ended: Callable[[], None] | None = None
    given_up: Callable[[Exit], None] | None = None
    mailbox: Measured | None = None

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}"
