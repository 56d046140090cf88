"""A histogram of durations: what Prometheus reads as buckets and StatsD as percentiles. Pure."""

from bisect import bisect_left
from collections.abc import Sequence

__all__ = ["BOUNDS_S", "Histogram", "percentile"]

BOUNDS_S: Sequence[float] = tuple(
    round(step * 10.0**exponent, 9) for exponent in range(-5, 2) for step in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
)
"""Upper bounds in seconds, 10 µs to 70 s, each at most 5/3 of the one before: that is how wrong a percentile can be."""


class Histogram:
    """``counts[i]`` observations at most ``BOUNDS_S[i]`` and above the bound before; the last has all beyond."""

    __slots__ = ("count", "counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.count = 0
        self.total_s = 0.0

    def observe(self, seconds: float, times: int = 1) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += times
        self.count += times
        self.total_s += seconds * times


def percentile(counts: Sequence[int], share: float) -> float | None:
    """The value in seconds that ``share`` (0 to 1) of the observations do not exceed; ``None`` where there are none.

    Within a bucket the observations are taken to lie evenly; what is beyond all bounds counts as the last bound.
    """
    wanted = share * sum(counts)
    if wanted <= 0:
        return None
    below, low = 0, 0.0
    for number, bound in zip(counts, BOUNDS_S, strict=False):
        if number and below + number >= wanted:
            return low + (bound - low) * (wanted - below) / number
        below, low = below + number, bound
    return BOUNDS_S[-1]
