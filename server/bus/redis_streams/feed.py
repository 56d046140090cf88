"""Feed: the live messages of the topics that this worker follows, by PUB/SUB on a connection of its own."""

import asyncio
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from server.bus.redis_streams.wire import Dial, Wire

__all__ = ["Feed"]


class Feed:
    """Owns the list of channels that were asked for. ``on_message`` gets channel and payload.

    ``last_heard`` is the loop's time of the last sign of life: a connection that is silent although it is
    pinged is dead, whatever TCP says.
    """

    def __init__(self, dial: Dial, on_message: Callable[[str, bytes], None], on_lost: Callable[[str], None]) -> None:
        self._wire = Wire(dial, self._take, self._lose)
        self._on_message = on_message
        self._on_lost = on_lost
        self._confirmations: dict[str, asyncio.Future[None]] = {}
        self._lost: str | None = None
        self.last_heard = 0.0

    async def open(self) -> None:
        """Raises: RedisError."""
        await self._wire.open()
        self.last_heard = asyncio.get_running_loop().time()

    def subscribe(self, channel: str) -> "asyncio.Future[None]":
        """Done when everything that is published from then on will come. Raises, when awaited: ConnectionError."""
        known = self._confirmations.get(channel)
        if known is not None:
            return known
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._lost is not None:
            confirmed.set_exception(ConnectionError(self._lost))
            return confirmed
        self._confirmations[channel] = confirmed
        self._wire.send("SUBSCRIBE", channel)
        return confirmed

    def unsubscribe(self, channel: str) -> None:
        if self._confirmations.pop(channel, None) is not None and self._lost is None:
            self._wire.send("UNSUBSCRIBE", channel)

    def ping(self) -> None:
        self._wire.send("PING")

    async def close(self, why: str) -> None:
        self._fail(why)
        await self._wire.close()

    def _take(self, reply: Any) -> None:
        self.last_heard = asyncio.get_running_loop().time()
        if isinstance(reply, RedisError):
            self._lose(str(reply))
        elif reply[0] == b"message":
            self._on_message(reply[1].decode("ascii", "replace"), reply[2])
        elif reply[0] == b"subscribe":
            confirmed = self._confirmations.get(reply[1].decode("ascii", "replace"))
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)

    def _lose(self, why: str) -> None:
        self._fail(why)
        self._on_lost(why)

    def _fail(self, why: str) -> None:
        self._lost = self._lost or why
        waiting, self._confirmations = self._confirmations, {}
        for confirmed in waiting.values():
            if not confirmed.done():
                confirmed.set_exception(ConnectionError(self._lost))
                confirmed.exception()  # nobody has to be waiting for it
