"""AcceptRate: how many connections this machine took in its best second lately. Pure; owns those counts."""

from collections import deque
from math import floor

__all__ = ["RECENT_S", "AcceptRate"]

RECENT_S = 600
"""How long a good second is remembered: a storm of the night before says little of the machine of today."""


class AcceptRate:
    """``now`` is monotonic seconds everywhere. What is kept is bounded: at most one entry for each recent second."""

    __slots__ = ("_count", "_peaks", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._count = 0
        self._peaks: deque[tuple[int, int]] = deque()  # (second, connections), ever fewer: the best is the first

    def note(self, now: float) -> None:
        """One more connection was let in."""
        second = floor(now)
        if second != self._second:
            self._keep_last_second()
            self._second, self._count = second, 0
        self._count += 1

    def best_per_s(self, now: float) -> int:
        """The most connections within one of the recent seconds; 0 where none came."""
        while self._peaks and self._peaks[0][0] < now - RECENT_S:
            self._peaks.popleft()
        last = self._count if self._second >= now - RECENT_S else 0
        return max(last, self._peaks[0][1] if self._peaks else 0)

    def _keep_last_second(self) -> None:
        while self._peaks and self._peaks[-1][1] <= self._count:
            self._peaks.pop()
        self._peaks.append((self._second, self._count))
        if self._peaks[0][0] < self._second - RECENT_S:
            self._peaks.popleft()
