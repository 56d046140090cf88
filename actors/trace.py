"""The trace of one message through one worker: when it passed each hop, and what became of it at its subscribers.

A ring keeps the last traces for people who ask what happened to a message. It holds no payloads.
"""

from collections import Counter, deque
from collections.abc import Sequence

from actors.protocol.envelope import Envelope, Seq, TopicName, TraceId

__all__ = ["MAX_TRACES", "Trace", "Traces"]

MAX_TRACES = 10_000


class Trace:
    """Written to by every room that the message passes; ``accepted`` is Unix time, the other times are monotonic.

    ``offered`` counts the subscribers at the fan-out, ``written`` the sockets that took the message, ``replayed`` the
    mailboxes that got it from history, ``dropped`` what overflow policies did, by policy.
    ``is_told``: each of its hops is a line in the log.
    """

    __slots__ = (
        "accepted",
        "dead_letter",
        "dropped",
        "fanned_out",
        "id",
        "is_told",
        "last_written",
        "offered",
        "prev",
        "received",
        "replayed",
        "seq",
        "topic",
        "type",
        "written",
    )

    def __init__(self, envelope: Envelope, received: float, *, is_told: bool = False) -> None:
        self.id: TraceId = envelope.id
        self.topic: TopicName = envelope.topic
        self.type: str = envelope.type
        self.seq: Seq = envelope.seq
        self.prev: Seq = envelope.prev
        self.accepted = envelope.ts
        self.received = received
        self.fanned_out: float | None = None
        self.last_written: float | None = None
        self.offered = 0
        self.written = 0
        self.replayed = 0
        self.dropped: Counter[str] | None = None  # most messages are never dropped anywhere
        self.dead_letter: str | None = None
        self.is_told = is_told

    def drop(self, policy: str) -> None:
        if self.dropped is None:
            self.dropped = Counter()
        self.dropped[policy] += 1


class Traces:
    """Owns the last ``limit`` traces, oldest first; looked through from end to end, since people seldom ask."""

    __slots__ = ("_ring",)

    def __init__(self, limit: int = MAX_TRACES) -> None:
        self._ring: deque[Trace] = deque(maxlen=limit)

    def keep(self, trace: Trace) -> None:
        self._ring.append(trace)

    def of(self, trace_id: str) -> Sequence[Trace]:
        """One for each topic that a message of that id was published to; empty where it is not known (any more).

        A UUID is the same in upper and in lower case (RFC 9562 §4), and is kept as its publisher wrote it.
        """
        wanted = trace_id.lower()
        return [trace for trace in self._ring if trace.id.lower() == wanted]
