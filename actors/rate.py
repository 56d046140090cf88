"""A token bucket: how often something may happen. Pure: takes ``now``."""

__all__ = ["TokenBucket"]


class TokenBucket:
    """``per_s`` events a second on average, a second's worth (and at least one) at once.

    More than that at once is let through a full bucket and paid for afterwards.
    """

    __slots__ = ("_at", "_most", "_per_s", "_tokens")

    def __init__(self, per_s: float, now: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s)
        self._tokens = self._most
        self._at = now

    def take(self, now: float, events: int = 1) -> bool:
        """So many events at ``now`` (monotonic seconds); False, and none taken, where that is too many."""
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self.wait_s(events) > 0.0:
            return False
        self._tokens -= events
        return True

    def wait_s(self, events: int = 1) -> float:
        """Seconds until so many events would be taken, as of the last ``take``."""
        return max(0.0, (min(events, self._most) - self._tokens) / self._per_s)
