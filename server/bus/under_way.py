"""UnderWay: the publishes that wait for a bus across a network, as many and as large as may do so at once."""

import asyncio
from typing import Any

from actors.ports import BusUnavailable

__all__ = ["MAX_PUBLISHES", "MAX_PUBLISH_BYTES", "UnderWay"]

MAX_PUBLISHES = 10_000  # that wait at once, and
MAX_PUBLISH_BYTES = 64 * 1024 * 1024  # their size
RETRY_AFTER_S = 1


class UnderWay:
    """Owns their count and their bytes. ``store`` is what publishers call that which they wait for.

    Two steps, because what is sent cannot be taken back: whoever is admitted sends, then adds what was sent.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._publishes = 0
        self._bytes = 0

    def admit(self, size: int) -> None:
        """Raises: BusUnavailable where another ``size`` bytes are too many, or one publish is."""
        if self._publishes >= MAX_PUBLISHES or self._bytes + size > MAX_PUBLISH_BYTES:
            raise BusUnavailable(f"bus: too many messages wait for {self._store}", RETRY_AFTER_S)

    # Hot path: one closure for each publish; no task, and nobody awaits.
    def add(self, answer: "asyncio.Future[Any]", size: int) -> None:
        """Counted until ``answer`` is done, however it ends."""
        self._publishes += 1
        self._bytes += size
        answer.add_done_callback(lambda _: self._remove(size))

    def _remove(self, size: int) -> None:
        self._publishes -= 1
        self._bytes -= size
