"""Looking through many rows: the right ones are found, and others have the loop between the slices."""

import asyncio

import pytest

from server.ops.slices import SLICE, TOP, largest, slices


@pytest.mark.gen_test
async def test_the_largest_rows_come_first_and_equal_ones_in_their_order() -> None:
    rows = [(number % 7, number) for number in range(3 * SLICE + 1)]
    found = await largest(rows, lambda row: row[0], 5)
    assert found == [(6, 6 + 7 * number) for number in range(5)]
    assert await largest(rows, lambda row: row[0]) == sorted(rows, key=lambda row: (-row[0], row[1]))[:TOP]


@pytest.mark.gen_test
async def test_others_have_the_loop_between_two_slices() -> None:
    turns: list[str] = []
    rows = list(range(2 * SLICE + 1))
    async for part in slices(rows):
        turns.append(f"slice of {len(part)}")
        asyncio.get_running_loop().call_soon(turns.append, "somebody else")
    assert turns == [f"slice of {SLICE}", "somebody else", f"slice of {SLICE}", "somebody else", "slice of 1"]
