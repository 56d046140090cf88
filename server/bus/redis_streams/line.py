"""Line: questions to Redis and their answers, in order, many under way at once on one connection."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from server.bus.life import LineLost
from server.bus.redis_streams.wire import Dial, Wire

__all__ = ["Line"]


class Line:
    """Owns the questions without an answer; ``on_lost`` hears once that the connection is gone."""

    def __init__(self, dial: Dial, on_lost: Callable[[str], None]) -> None:
        self._wire = Wire(dial, self._take, self._lose)
        self._on_lost = on_lost
        self._asked: deque[asyncio.Future[Any]] = deque()
        self._lost: str | None = None

    async def open(self) -> None:
        """Raises: RedisError."""
        await self._wire.open()

    def ask(self, *command: Any) -> "asyncio.Future[Any]":
        """Its result, when awaited, raises: RedisError where Redis refused, LineLost."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._lost is not None:
            answer.set_exception(LineLost(self._lost))
        else:
            self._asked.append(answer)
            self._wire.send(*command)
        return answer

    async def close(self, why: str) -> None:
        self._fail(why)
        await self._wire.close()

    def _take(self, reply: Any) -> None:
        answer = self._asked.popleft()
        if answer.done():  # whoever asked has gone
            return
        if isinstance(reply, RedisError):
            answer.set_exception(reply)
        else:
            answer.set_result(reply)

    def _lose(self, why: str) -> None:
        self._fail(why)
        self._on_lost(why)

    def _fail(self, why: str) -> None:
        self._lost = self._lost or why
        asked, self._asked = self._asked, deque()
        for answer in asked:
            if not answer.done():
                answer.set_exception(LineLost(self._lost))
