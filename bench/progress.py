"""Says on stderr how far a run is: a line for each cell, and on a terminal a bar with the time that is left.

Owns the bar. Lines are printed through it, so that they stand above it; without a terminal, or without ``rich``
(extra ``bench``), there are only the lines.
"""

import importlib.util
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

__all__ = ["Progress"]


class Progress:
    """A context in which cells are counted; ``total`` is how many there will be, 0 while that is not known yet."""

    def __init__(self, total: int = 0) -> None:
        self._bar = _make_bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task("cells", total=total or None) if self._bar else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def expect(self, total: int) -> None:
        """From now on ``total`` cells are expected in all."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=total)

    def say(self, line: str) -> None:
        """Print ``line``."""
        if self._bar:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def advance(self, line: str, cells: int = 1) -> None:
        """``cells`` more are done, or given up; ``line`` tells what became of them."""
        self.say(line)
        if self._bar and self._task is not None:
            self._bar.advance(self._task, cells)


def _make_bar() -> "Bar | None":
    if importlib.util.find_spec("rich") is None:
        return None
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (MofNCompleteColumn(), TextColumn("cells"), BarColumn(), TimeRemainingColumn(), TextColumn("left"))
    return Progress(*columns, console=Console(stderr=True), transient=True)
