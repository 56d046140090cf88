"""Whether flushes get through, as told to people: once when that changes, never once for each flush. Pure."""

from enum import Enum

__all__ = ["Change", "Health"]

CALM_S = 5.0
"""Seconds without a loss until all is well again: UDP refusals come late, and hosts limit how many they send."""


class Change(Enum):
    WENT_WRONG = "went wrong"
    WORKS_AGAIN = "works again"


class Health:
    """Owns the moment of the last loss while things are wrong."""

    __slots__ = ("_lost_at",)

    def __init__(self) -> None:
        self._lost_at: float | None = None

    def lost(self, now: float) -> Change | None:
        """A flush, or a part of it, did not get through at ``now`` (monotonic seconds)."""
        was_well, self._lost_at = self._lost_at is None, now
        return Change.WENT_WRONG if was_well else None

    def got_through(self, now: float) -> Change | None:
        """As far as can be known."""
        if self._lost_at is None or now - self._lost_at < CALM_S:
            return None
        self._lost_at = None
        return Change.WORKS_AGAIN
