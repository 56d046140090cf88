"""Real Redis servers of tests: each on a port and in a directory of its own, stopped by pid."""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

from redis.asyncio import Redis

from server.testing.redis_process import RedisProcess

__all__ = ["RedisServer", "redis_server"]


class RedisServer:
    """A server that can be killed, frozen and started again on the same port with what its disk has.

    ``options`` are added to its command line; ``folder`` outlives the process.
    """

    def __init__(self, *options: str, aof: bool = False, folder: Path | None = None) -> None:
        self.folder = folder or Path(mkdtemp(prefix="fanwire-redis-"))
        self._options = [*(["--appendonly", "yes", "--appendfsync", "always"] if aof else []), *options]
        self._process = RedisProcess(*self._options, folder=self.folder)
        self.port, self.url = self._process.port, self._process.url

    async def start(self) -> None:
        await self._process.start()

    async def stop(self) -> None:
        if self._process.returncode is None:
            self.thaw()
        await self._process.stop()

    async def kill(self) -> None:
        """As a crash does."""
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.stop()

    async def restart(self) -> None:
        """On the same port, with what is on its disk."""
        self._process = RedisProcess(*self._options, folder=self.folder, port=self.port)
        await self._process.start()

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    async def do(self, *command: str | int | bytes) -> object:
        """One command, as an operator gives it."""
        client = Redis(port=self.port, protocol=2)
        try:
            answer: object = await client.execute_command(*command)
        finally:
            await client.aclose()
        return answer

    def forget(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@asynccontextmanager
async def redis_server(*options: str, aof: bool = False, also: Sequence[str] = ()) -> AsyncIterator[RedisServer]:
    server = RedisServer(*options, *also, aof=aof)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        server.forget()
