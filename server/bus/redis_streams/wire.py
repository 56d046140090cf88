"""Wire: one connection to Redis, read by one task and written by another, by redis-py's own connection.

redis-py's client and pool are not used: they reconnect and retry by themselves, which hides the moment in
which live messages were missed, and may publish twice.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.asyncio.connection import Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

__all__ = ["Dial", "Wire", "dial_of"]

Dial = Callable[[], Any]
"""Makes a connection that is not open yet."""


def dial_of(url: str, connect_s: float) -> Dial:
    """Raises: ValueError, TypeError where redis-py cannot read ``url``."""
    settings: dict[str, Any] = dict(parse_url(url))
    kind = settings.pop("connection_class", Connection)
    settings |= {
        "protocol": 2,
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": None,
        "socket_connect_timeout": connect_s,
    }
    kind(**settings)  # an option that redis-py does not know is told now, and not by every attempt to connect
    return lambda: kind(**settings)


class Wire:
    """``on_reply`` gets every reply, an error of Redis included; ``on_lost`` hears once that there are no more."""

    def __init__(self, dial: Dial, on_reply: Callable[[Any], None], on_lost: Callable[[str], None]) -> None:
        self._connection = dial()
        self._on_reply = on_reply
        self._on_lost = on_lost
        self._unsent: list[bytes] = []
        self._has_unsent = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_lost = False

    async def open(self) -> None:
        """Raises: RedisError."""
        await self._connection.connect()
        self._tasks = [asyncio.ensure_future(self._write()), asyncio.ensure_future(self._read())]

    def send(self, *command: Any) -> None:
        """Everything that is sent in one turn of the loop goes out as one write."""
        self._unsent += self._connection.pack_command(*command)
        self._has_unsent.set()

    async def close(self) -> None:
        self._is_lost = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(RedisError, OSError):  # it is given up: how it ends is of no interest
            await self._connection.disconnect(nowait=True)

    async def _write(self) -> None:
        try:
            while True:
                await self._has_unsent.wait()
                self._has_unsent.clear()
                unsent, self._unsent = self._unsent, []
                await self._connection.send_packed_command(unsent, check_health=False)
        except (RedisError, OSError) as error:
            self._lose(error)

    async def _read(self) -> None:
        try:
            while True:
                try:
                    reply = await self._connection.read_response(disconnect_on_error=False)
                except ResponseError as error:
                    reply = error
                self._on_reply(reply)
        except (RedisError, OSError) as error:
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._on_lost(str(error) or type(error).__name__)
