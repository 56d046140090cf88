"""A question that a bench program answers: how its cells become rows, a text and a picture. Pure.

Cells and rows are plain mappings here, as they are kept in a file, so that a page can be made from a file alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Question", "Values", "typed"]

Values = Mapping[str, Any]
_Cell = TypeVar("_Cell")


@dataclass(frozen=True, slots=True)
class Question:
    """``name`` is that of the program, ``bench.NAME``.

    ``summarise`` makes rows (medians) of raw cells, ``render`` Markdown of rows, and ``draw`` fills an empty figure.
    """

    name: str
    summarise: Callable[[Sequence[Values]], list[Values]]
    render: Callable[[Sequence[Values]], str]
    draw: Callable[["Figure", Sequence[Values]], None]


def typed(kind: type[_Cell], values: Iterable[Values]) -> list[_Cell]:
    """Cells or rows as the dataclass ``kind`` that they were made from.

    Raises: TypeError when fields are missing: the file is older than the dataclass.
    """
    return [kind(**value) for value in values]
