"""Raw cells become medians: one row for each setting that occurs. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.question import Values

__all__ = ["groups_of", "medians_of"]


def groups_of(cells: Sequence[Values], by: Sequence[str]) -> list[list[Values]]:
    """The cells that agree in the fields ``by``, in the order in which the cells first name them."""
    groups: dict[tuple[Any, ...], list[Values]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell[name] for name in by), []).append(cell)
    return list(groups.values())


def medians_of(cells: Sequence[Values], by: Sequence[str]) -> list[Values]:
    """One row for each group: the fields ``by``, ``rounds``, and of every other field its median.

    A truth is true when any of its cells is: doubts do not vanish in a median. What is missing in any cell (None), or
    is no number, is left out of the row as None; ``round`` has no median.
    """
    return [_row(group, by) for group in groups_of(cells, by)]


def _row(group: list[Values], by: Sequence[str]) -> Values:
    others = [name for name in group[0] if name not in (*by, "round")]
    kept = {name: group[0][name] for name in by}
    return kept | {"rounds": len(group)} | {name: _middle([cell.get(name) for cell in group]) for name in others}


def _middle(values: list[Any]) -> Any:
    if all(isinstance(value, bool) for value in values):
        return any(values)
    if all(isinstance(value, int | float) for value in values):
        return median(values)
    return None
