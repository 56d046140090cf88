"""Epoch: the word that all workers on one Redis tell, another one once that has forgotten everything."""

import asyncio
import secrets
from typing import Any

from server.bus.redis_streams.line import Line

__all__ = ["Epoch"]


class Epoch:
    """Owns the word as this worker knows it: ``told``, None before the first answer. ``key`` is where it is."""

    def __init__(self, key: str) -> None:
        self.told: str | None = None
        self._key = key

    async def keep_asking(self, line: Line, every_s: float) -> None:
        """Never ends: a Redis that was emptied does not hang up."""
        while True:
            self._ask(line)
            await asyncio.sleep(every_s)

    def _ask(self, line: Line) -> None:
        """The first worker that meets a Redis without an epoch begins one; all of them read it."""
        begun = line.ask("SET", self._key, secrets.token_hex(4), "NX")
        both = asyncio.gather(begun, line.ask("GET", self._key), return_exceptions=True)
        both.add_done_callback(self._learn)

    def _learn(self, answers: "asyncio.Future[tuple[Any, Any]]") -> None:
        """Where the connection is lost, or the server takes no writes, it stays what it was, or unknown."""
        if not answers.cancelled() and isinstance(told := answers.result()[1], bytes):
            self.told = told.decode("ascii", "replace")
