"""When to say that the event loop stands still. Pure; owns what was said of the present stall."""

from dataclasses import dataclass

__all__ = ["LONGEST_PAUSE_S", "Stall", "StallTimes"]

LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Stall:
    """A stall that is to be told. ``for_s`` counts from the last heartbeat; ``told`` is 1 the first time."""

    for_s: float
    told: int
    over: bool


class StallTimes:
    """Decides when there is something to tell. Pure: all times are given to it, in seconds.

    A stall is told once it lasts ``stall_s``, again after ``repeat_s``, then after pauses that double up to a
    minute, and when it is over.

    Where a look comes late, the watchdog's own thread did not run either. Two things do that. A process that was
    suspended (SIGSTOP, a paused virtual machine) used no CPU meanwhile, and its loop is not to blame: that time is
    excused. A C function that keeps the interpreter's lock used CPU all the time, and is a stall like any other.
    """

    def __init__(self, now_s: float, cpu_s: float, *, check_s: float, stall_s: float, repeat_s: float) -> None:
        self._check_s, self._stall_s, self._repeat_s = check_s, stall_s, repeat_s
        self._looked_s, self._cpu_s = now_s, cpu_s
        self._begin(now_s, 0.0)

    def look(self, now_s: float, cpu_s: float, beat_s: float) -> Stall | None:
        """What to tell ``now_s``, where the process has used ``cpu_s`` of CPU and the last heartbeat was ``beat_s``."""
        suspended_s = self._suspended_s(now_s, cpu_s)
        self._excused_s += suspended_s
        if beat_s == self._beat_s:
            return self._stalled(now_s - beat_s - self._excused_s)
        over = Stall(beat_s - self._beat_s - self._excused_s, self._told, over=True) if self._told else None
        # The heart may have beaten just before the process was suspended, or just after.
        self._begin(beat_s, min(suspended_s, max(0.0, now_s - beat_s)))
        return over

    def _begin(self, beat_s: float, excused_s: float) -> None:
        self._beat_s, self._excused_s = beat_s, excused_s
        self._told = 0
        self._tell_at_s, self._pause_s = self._stall_s, self._repeat_s

    def _suspended_s(self, now_s: float, cpu_s: float) -> float:
        late_s = now_s - self._looked_s - self._check_s
        used_s = cpu_s - self._cpu_s
        self._looked_s, self._cpu_s = now_s, cpu_s
        # Less than that is the everyday lateness of a busy machine, and excuses nobody.
        return late_s if late_s > self._stall_s / 2 and used_s < late_s / 2 else 0.0

    def _stalled(self, for_s: float) -> Stall | None:
        if for_s < self._tell_at_s:
            return None
        self._tell_at_s = for_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._told += 1
        return Stall(for_s, self._told, over=False)
