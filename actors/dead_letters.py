"""Dead letters: messages that no actor could handle. Counted, told at a limited rate, the last ones kept."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from actors.meter import Meter
from actors.metrics import ACTOR_DEAD_LETTERS
from actors.ports import Clock
from actors.rate import TokenBucket

__all__ = ["MAX_KEPT", "MAX_LINES_PER_S", "DeadLetter", "DeadLetters", "Reason"]

Reason = Literal["poison", "undeliverable", "quarantined"]
"""Its actor failed on it; its topic could not take it; its topic was given up while it waited."""

MAX_KEPT = 100
MAX_LINES_PER_S = 10.0

log = logging.getLogger("fanwire.dead_letters")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """``at`` is Unix time; ``actor`` the label of who could not handle it."""

    at: float
    reason: Reason
    trace_id: str | None
    topic: str | None
    actor: str


class DeadLetters:
    """Owns the last ``MAX_KEPT`` of them."""

    def __init__(self, meter: Meter, clock: Clock) -> None:
        self._meter = meter
        self._clock = clock
        self._kept: deque[DeadLetter] = deque(maxlen=MAX_KEPT)
        self._lines = TokenBucket(MAX_LINES_PER_S, clock.monotonic())
        self._untold = 0

    def add(self, reason: Reason, trace_id: str | None, topic: str | None, actor: str) -> None:
        self._kept.append(DeadLetter(self._clock.time(), reason, trace_id, topic, actor))
        self._meter.add(ACTOR_DEAD_LETTERS, 1, reason)
        if not self._lines.take(self._clock.monotonic()):
            self._untold += 1
            return
        untold, self._untold = self._untold, 0
        log.error(
            "dead letter",
            extra={"trace_id": trace_id, "topic": topic, "actor": actor, "reason": reason, "untold_before": untold},
        )

    def last(self) -> Sequence[DeadLetter]:
        """Those that are kept, oldest first."""
        return list(self._kept)
