"""Rounds: everything that is followed is looked at again and again, not everything at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from actors.ports import BusUnavailable
from server.bus.followed import FollowedTopic

__all__ = ["AT_ONCE", "rounds"]

AT_ONCE = 100

log = logging.getLogger("fanwire.bus")


async def rounds(
    every_s: float,
    everything: Callable[[], Sequence[FollowedTopic]],
    look: Callable[[Sequence[FollowedTopic]], Awaitable[None]],
) -> None:
    """Never ends. ``look`` gets up to ``AT_ONCE`` topics; where it raises BusUnavailable the rest waits for a round."""
    while True:
        await asyncio.sleep(every_s)
        await _round(everything(), look)


async def _round(
    everything: Sequence[FollowedTopic], look: Callable[[Sequence[FollowedTopic]], Awaitable[None]]
) -> None:
    for start in range(0, len(everything), AT_ONCE):
        try:
            await look(everything[start : start + AT_ONCE])
        except BusUnavailable as why:
            log.info("a round of what is followed ended early: %s", why)
            break
