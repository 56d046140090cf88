"""Measures one cell after another: what was measured is announced, what could not be is said and left out."""

from collections.abc import Callable
from typing import Generic, TypeVar

from bench.generator import GeneratorFailed
from bench.processes import ServerDied
from bench.progress import Progress
from bench.servers import Unavailable

__all__ = ["Attempts"]

_FAILURES = (ServerDied, GeneratorFailed, Unavailable, RuntimeError, OSError)
_Cell = TypeVar("_Cell")


class Attempts(Generic[_Cell]):
    """The ``cells`` so far, and in words what was ``skipped``."""

    def __init__(self, announce: Callable[[_Cell], str], progress: Progress) -> None:
        self._announce = announce
        self._progress = progress
        self.cells: list[_Cell] = []
        self.skipped: list[str] = []

    def measure(self, what: str, cell: Callable[[], _Cell]) -> None:
        """Keep what ``cell`` returns, or the reason why it did not."""
        try:
            self.cells.append(cell())
        except _FAILURES as error:
            self.skip(f"{what}: {error}", 1)
        else:
            self._progress.advance(self._announce(self.cells[-1]))

    def skip(self, reason: str, cells: int = 0) -> None:
        """Leave ``cells`` of those that are expected out, for ``reason``."""
        self.skipped.append(reason)
        self._progress.advance(f"SKIPPED {reason}", cells)
