"""Letting the loop run in tests: until something is true, or for a number of turns. Never for a time."""

import asyncio
from collections.abc import Callable

__all__ = ["turns", "until"]

DEADLINE_S = 3.0  # less than what pytest-tornado gives a test, so that it is this failure that is seen


async def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Return as soon as ``condition()`` is true. Raises: AssertionError after three seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DEADLINE_S
    while not condition():
        assert loop.time() < deadline, f"waited {DEADLINE_S:g} s in vain for {what}"
        await asyncio.sleep(0)


async def turns(count: int = 20) -> None:
    """Let everything run that needs no more than ``count`` turns: for showing that nothing happens."""
    for _ in range(count):
        await asyncio.sleep(0)
