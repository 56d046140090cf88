"""Time that passes only when a test says so. Owns the timers that wait for it."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

__all__ = ["ManualClock", "ManualTimer"]


class ManualTimer(asyncio.TimerHandle):
    """A timer of a ManualClock: it has a due time, and can be cancelled."""

    def __init__(self, due: float, callback: Callable[[], object]) -> None:
        # asyncio's own __init__ wants a loop, and pure tests have none.
        self._due = due
        self._run_it = callback
        self._is_cancelled = False

    def when(self) -> float:
        return self._due

    def cancel(self) -> None:
        self._is_cancelled = True

    def cancelled(self) -> bool:
        return self._is_cancelled

    def fire(self) -> None:
        if not self._is_cancelled:
            self._run_it()

    def __repr__(self) -> str:
        return f"<ManualTimer due={self._due:g} cancelled={self._is_cancelled}>"


class ManualClock:
    """Implements ``actors.ports.Clock``; both times in seconds, both moved by ``advance`` alone."""

    def __init__(self, *, unix_s: float = 1_719_958_453.0, monotonic_s: float = 1_000.0) -> None:
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, ManualTimer]] = []

    def time(self) -> float:
        return self._unix_s

    def monotonic(self) -> float:
        return self._monotonic_s

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        timer = ManualTimer(self._monotonic_s + delay_s, callback)
        heapq.heappush(self._timers, (timer.when(), next(self._numbers), timer))
        return timer

    @property
    def waiting(self) -> list[float]:
        """Seconds from now to each timer that is set, the nearest first."""
        return sorted(due - self._monotonic_s for due, _, timer in self._timers if not timer.cancelled())

    def advance(self, seconds: float) -> None:
        """Let time pass, running each timer at the moment it is due, in order."""
        target = self._monotonic_s + seconds
        while self._timers and self._timers[0][0] <= target:
            due, _, timer = heapq.heappop(self._timers)
            self._move_to(max(due, self._monotonic_s))
            timer.fire()
        self._move_to(target)

    def set_back(self, seconds: float) -> None:
        """The machine's wall clock is corrected; monotonic time is not."""
        self._unix_s -= seconds

    def _move_to(self, monotonic_s: float) -> None:
        self._unix_s += monotonic_s - self._monotonic_s
        self._monotonic_s = monotonic_s
