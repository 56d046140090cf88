"""Answers: asking a bus across a network, for as long as it may take."""

import asyncio
from collections.abc import Awaitable
from typing import Generic, TypeVar

from server.bus.life import C, Life, LineLost
from server.bus.refusals import gone

__all__ = ["Answers"]

T = TypeVar("T")


class Answers(Generic[C]):
    """``store`` is what publishers call that which is asked; ``within_s``: seconds until it is given up."""

    def __init__(self, store: str, life: Life[C], within_s: float) -> None:
        self._store = store
        self._life = life
        self._within_s = within_s

    def there(self) -> C:
        """The connections. Raises: BusUnavailable while there are none."""
        if self._life.connections is None:
            raise gone(self._store, self._life.why_gone)
        return self._life.connections

    async def of(self, answer: Awaitable[T]) -> T:
        """Raises: BusUnavailable, and what ``answer`` raises. Without one in time the connections are lost."""
        connections = self._life.connections
        try:
            async with asyncio.timeout(self._within_s):
                return await answer
        except TimeoutError:
            why = f"no answer in {self._within_s:g} s"
            if connections is not None:
                connections.lose(why)
            raise gone(self._store, why) from None
        except LineLost as lost:
            raise gone(self._store, str(lost)) from None
