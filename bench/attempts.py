"""Measures one cell after another: what was measured is announced on stderr, what could not be is said and left out."""

import sys
from collections.abc import Callable
from typing import Generic, TypeVar

from bench.generator import GeneratorFailed
from bench.processes import ServerDied
from bench.servers import Unavailable

__all__ = ["Attempts", "say"]

_FAILURES = (ServerDied, GeneratorFailed, Unavailable, RuntimeError, OSError)
_Cell = TypeVar("_Cell")


class Attempts(Generic[_Cell]):
    """The ``cells`` so far, and in words what was ``skipped``."""

    def __init__(self, announce: Callable[[_Cell], str]) -> None:
        self._announce = announce
        self.cells: list[_Cell] = []
        self.skipped: list[str] = []

    def measure(self, what: str, cell: Callable[[], _Cell]) -> None:
        """Keep what ``cell`` returns, or the reason why it did not."""
        try:
            self.cells.append(cell())
        except _FAILURES as error:
            self.skip(f"{what}: {error}")
        else:
            say(self._announce(self.cells[-1]))

    def skip(self, reason: str) -> None:
        self.skipped.append(reason)
        say(f"SKIPPED {reason}")


def say(line: str) -> None:
    """Progress goes to stderr, so that stdout has the report alone."""
    print(line, file=sys.stderr, flush=True)
