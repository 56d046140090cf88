"""When to restart, how long to wait, and when to give up. Pure.

Source: OTP supervisor behaviour (intensity and period); full jitter as described by Marc Brooker, 2015.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

__all__ = ["Backoff", "Intensity", "Restart", "RestartLog"]


class Restart(Enum):
    """Which ends of a child are answered with a new start."""

    PERMANENT = "permanent"  # every end
    TRANSIENT = "transient"  # failures only
    TEMPORARY = "temporary"  # none

    def wants(self, *, failed: bool) -> bool:
        return self is Restart.PERMANENT or (self is Restart.TRANSIENT and failed)


@dataclass(frozen=True, slots=True)
class Intensity:
    """More than ``restarts`` within ``period_s`` seconds is given up."""

    restarts: int = 3
    period_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the n-th restart in a row: none before the first, then at random below a doubling bound."""

    base_s: float = 0.05
    cap_s: float = 1.0

    def delay_s(self, restarts: int, random: Callable[[], float]) -> float:
        """``restarts``: how many came before within the period; ``random`` gives values in [0, 1)."""
        if restarts == 0:
            return 0.0
        return random() * min(self.cap_s, self.base_s * 2.0 ** min(restarts, 32))


class RestartLog:
    """The restarts of one child within its period."""

    __slots__ = ("_intensity", "_times")

    def __init__(self, intensity: Intensity) -> None:
        self._intensity = intensity
        self._times: deque[float] = deque(maxlen=intensity.restarts + 1)

    def record(self, now: float) -> bool:
        """Note a restart at ``now`` (monotonic seconds); False where that is one too many."""
        self._forget_before(now - self._intensity.period_s)
        self._times.append(now)
        return len(self._times) <= self._intensity.restarts

    @property
    def recent(self) -> int:
        """Restarts noted within the period, as of the last ``record``."""
        return len(self._times)

    def _forget_before(self, then: float) -> None:
        while self._times and self._times[0] < then:
            self._times.popleft()
