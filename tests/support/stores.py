"""Redis and NATS as one thing to a test: what a bus across a network can be on, and what is done to it."""

import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nats_servers import NatsServer, nats_server
from redis_servers import RedisServer, redis_server

from server.bus.jetstream.bus import JetStreamBus
from server.bus.life import Timing
from server.bus.redis_streams.bus import RedisBus
from server.config import HistoryConfig

__all__ = ["NATS", "REDIS", "STORES", "Disk", "NetworkBus", "Store", "StoreServer"]

NetworkBus = RedisBus | JetStreamBus


class StoreServer(Protocol):
    """A real server of its own port and directory; ``restart`` is on the same port, with what is on its disk."""

    folder: Path
    port: int

    @property
    def url(self) -> str: ...

    async def kill(self) -> None: ...

    async def restart(self) -> None: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...


class Disk:
    """What a server that does not run has stored, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = folder.with_name("before")

    def lose(self) -> None:
        shutil.rmtree(self._folder)

    def remember(self) -> None:
        shutil.copytree(self._folder, self._before)

    def set_back(self) -> None:
        """To what it was when it was remembered."""
        self.lose()
        shutil.move(self._before, self._folder)


@dataclass(frozen=True, slots=True)
class Store:
    """``name`` is what publishers are told, ``url`` has a place for a port, ``folder`` is where the disk is.

    ``live`` matches the beginning of a live message on its way to a worker, up to its payload and the two bytes
    behind that; its group is the payload's size. ``without_room`` is a context in which the server stores nothing
    more, and gives ``no_room`` as the reason.
    """

    name: str
    url: str
    folder: str
    live: re.Pattern[bytes]
    no_room: str
    start: Callable[[], AbstractAsyncContextManager[Any]]
    start_durable: Callable[[], AbstractAsyncContextManager[Any]]
    without_room: Callable[[Any], AbstractAsyncContextManager[None]]
    make_bus: Callable[[str, HistoryConfig, Timing], NetworkBus]

    def server(self) -> AbstractAsyncContextManager[StoreServer]:
        return self.start()

    def durable_server(self) -> AbstractAsyncContextManager[StoreServer]:
        """Nothing that it has acknowledged is lost with its process."""
        return self.start_durable()

    def url_at(self, port: int) -> str:
        return self.url.format(port)

    def disk(self, server: StoreServer) -> Disk:
        return Disk(server.folder / self.folder)

    def bus(self, url: str, timing: Timing) -> NetworkBus:
        return self.make_bus(url, HistoryConfig(), timing)


@asynccontextmanager
async def _redis_without_room(server: RedisServer) -> AsyncIterator[None]:
    await server.do("CONFIG", "SET", "maxmemory", "1")
    yield
    await server.do("CONFIG", "SET", "maxmemory", "0")


@asynccontextmanager
async def _nats_without_room(server: NatsServer) -> AsyncIterator[None]:
    before = await server.change_stream("fanwire-messages", discard="new", max_msgs=1)
    yield
    await server.change_stream("fanwire-messages", **before)


REDIS = Store(
    name="Redis",
    url="redis://127.0.0.1:{}/0",
    folder="appendonlydir",
    live=re.compile(rb"\*3\r\n\$7\r\nmessage\r\n\$\d+\r\n[^\r]*\r\n\$(\d+)\r\n"),
    no_room="out of memory",
    start=redis_server,
    start_durable=lambda: redis_server(aof=True),
    without_room=_redis_without_room,
    make_bus=lambda url, history, timing: RedisBus(url, "fanwire", lambda topic: history, timing),
)
NATS = Store(
    name="NATS",
    url="nats://127.0.0.1:{}",
    folder="jetstream",
    live=re.compile(rb"HMSG fanwire\.live\.\S+ \d+ \d+ (\d+)\r\n"),
    no_room="the stream is full",
    start=nats_server,
    start_durable=nats_server,
    without_room=_nats_without_room,
    make_bus=lambda url, history, timing: JetStreamBus(url, "fanwire", lambda topic: history, history, timing),
)
STORES = [REDIS, NATS]
