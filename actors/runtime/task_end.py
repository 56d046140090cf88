"""How a task ends that must not take the process along: asyncio raises some ends through the loop itself."""

from collections.abc import Awaitable

__all__ = ["end_of"]


async def end_of(unfinished: Awaitable[object]) -> BaseException | None:
    """Awaits it. Returns the end that a task would raise through its loop, and lets any other failure be the task's."""
    try:
        await unfinished
    except (SystemExit, KeyboardInterrupt) as failure:
        return failure
    return None
