"""What the actors need from outside, as Protocols: a socket, a bus, a clock. The edge implements them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from actors.protocol.codes import Refusal
from actors.protocol.envelope import Envelope, Seq, TopicName, TraceId
from actors.protocol.permissions import Identity

__all__ = [
    "Bus",
    "BusUnavailable",
    "Clock",
    "Deliveries",
    "Identify",
    "Past",
    "Placed",
    "Socket",
    "Source",
    "Top",
    "TopicFull",
]


class Clock(Protocol):
    """Time, and being called back in time."""

    def time(self) -> float:
        """Unix seconds."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> asyncio.TimerHandle: ...


class Socket(Protocol):
    """One client's connection, as seen by its mailbox and its actor: bytes go in, and it says when it is full."""

    send: Callable[[bytes], int]
    """The kernel's own ``send``: takes a beginning of a frame and returns its length, without waiting.

    To be called only while ``blocked`` is False. Raises: BlockingIOError where not one byte fits, OSError
    where the connection is gone.
    """

    blocked: bool
    """Bytes are waiting for the kernel: whoever has more keeps it meanwhile."""

    unsent_bytes: int

    @property
    def unsent_since(self) -> float | None:
        """When the oldest unsent byte began to wait, in monotonic seconds; None where none waits."""

    def watch(self, on_change: Callable[[], None], on_stall: Callable[[], None]) -> None:
        """From now on tell of every change of ``blocked``, and when the oldest unsent byte got too old."""

    def write(self, frames: bytes | memoryview) -> None:
        """Send in order, keeping what the kernel does not take."""

    def close(self, code: int, reason: str) -> None:
        """Say why and hang up; what still waits may never arrive."""


class Placed(NamedTuple):
    """Where the bus put a message. ``duplicate``: it was there already, and nothing was delivered again."""

    seq: Seq
    prev: Seq
    duplicate: bool


class Top(NamedTuple):
    """A topic's last message, which it outlives; nothing but zeros where there was none, or none is known."""

    seq: Seq = Seq(0)
    id: TraceId | None = None


class Past(NamedTuple):
    """What a bus still has of a topic: ``messages``, oldest first, are a chain that ends at ``top``."""

    top: Top
    messages: Sequence[Envelope]


class BusUnavailable(Exception):
    """The bus did not do it: the topic or the bus is full, or the bus is gone. ``rule`` says what is known.

    Nothing was half-done. Where the answer of a bus across a network is lost, whether the message was stored is
    not known; ``rule`` says that too, and sending it again with the same id is safe.
    """

    def __init__(self, rule: str, retry_after_s: int) -> None:
        super().__init__(rule, retry_after_s)
        self.rule = rule
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.rule}; try again in {self.retry_after_s} s"


class TopicFull(BusUnavailable):
    """The bus is well, but this topic takes nothing now: back-pressure, told to whoever causes it."""


class Identify(Protocol):
    """Verifies a token."""

    async def __call__(self, token: str) -> Identity | Refusal: ...


class Deliveries(Protocol):
    """Where a bus delivers what it has stored."""

    def has_room(self, topic: TopicName) -> bool:
        """Whether one more message for ``topic`` would be taken right now."""

    def deliver(self, envelope: Envelope) -> None: ...

    def lost_place(self, topic: TopicName) -> None:
        """What is stored does not follow from what was delivered: ``topic`` has to be loaded anew."""


class Source(Protocol):
    """One topic as a bus across a network has it, followed by this worker.

    Nothing is delivered before ``load`` has returned and after ``lost_place`` was said, until the next ``load``.
    """

    async def load(self) -> Past:
        """What is stored; live delivery goes on right behind it. Raises: BusUnavailable."""

    async def catch_up(self) -> Seq:
        """Deliver everything that is stored by now; returns the last position delivered. Raises: BusUnavailable."""

    def close(self) -> None:
        """Stop following: nothing more is delivered."""


class Bus(Protocol):
    """Stores messages, gives them their positions, and delivers them to every worker that follows their topic."""

    def start(self, deliveries: Deliveries) -> None:
        """From now on deliver, and take messages."""

    def stop(self) -> None:
        """Deliver nothing more, and refuse messages until the next ``start``."""

    def publish(self, envelope: Envelope, *, deduplicate: bool) -> Placed | Awaitable[Placed]:
        """Store and deliver. ``deduplicate`` where the publisher chose the id, which makes it a key.

        A bus in this process answers at once; one across a network gives something to await. Raises, here or
        when awaited: BusUnavailable.
        """

    def follow(self, topic: TopicName) -> Source | None:
        """Where a topic that starts here gets its past from.

        None from a bus in this process: it delivers every message to the topic, which is the store.
        Raises: BusUnavailable.
        """

    def top(self, topic: TopicName) -> Top:
        """The last message of ``topic`` that this process knows of."""

    def newest(self, topic: TopicName) -> Top | Awaitable[Top]:
        """The last message that any process published to ``topic``. Raises: BusUnavailable."""

    @property
    def epoch(self) -> str | None:
        """Another one where positions were forgotten: position 0 of one epoch says nothing in the next.

        None while a bus across a network has not said.
        """

    @property
    def ready(self) -> bool: ...

    async def close(self) -> None:
        """Let go of connections and files, for good."""
