"""Looking through thousands of rows without keeping the event loop: a slice at a time. Owns nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from heapq import nlargest
from itertools import chain
from typing import Any, TypeVar

__all__ = ["SLICE", "TOP", "largest", "slices"]

TOP = 20
SLICE = 1000  # rows between two turns of the loop: a millisecond or two of looking

Row = TypeVar("Row")


async def slices(rows: Sequence[Row]) -> AsyncIterator[Sequence[Row]]:
    """``rows`` in parts of ``SLICE``; others have the loop between them."""
    for start in range(0, len(rows), SLICE):
        if start:
            await asyncio.sleep(0)
        yield rows[start : start + SLICE]


async def largest(rows: Sequence[Row], key: Callable[[Row], Any], count: int = TOP) -> list[Row]:
    """The ``count`` rows with the largest ``key``, the largest first; of equal ones the earlier ones."""
    best: list[Row] = []
    async for part in slices(rows):
        best = nlargest(count, chain(best, part), key)
    return best
