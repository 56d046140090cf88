"""Real NATS servers of tests: each on a port and in a directory of its own, stopped by pid."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from nats.aio.client import Client

from server.testing.nats_process import NatsProcess

__all__ = ["NatsServer", "nats_server"]


class NatsServer:
    """A server with JetStream that can be killed, frozen and started again on the same port with what its disk has.

    ``options`` are added to its command line, ``settings`` are its configuration; ``folder`` outlives the process.
    """

    def __init__(self, *options: str, settings: str = "", jetstream: bool = True) -> None:
        self.folder = Path(mkdtemp(prefix="fanwire-nats-"))
        configuration = self.folder / "nats.conf"
        configuration.write_text(settings)
        self._options = ["-c", str(configuration), *options]
        self._jetstream = jetstream
        self._process = self._made(None)
        self.port, self.url = self._process.port, self._process.url

    async def start(self) -> None:
        await self._process.start()

    async def stop(self) -> None:
        if self._process.returncode is None:
            self.thaw()
        await self._process.stop()

    async def kill(self) -> None:
        """As a crash of the process does."""
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.stop()

    async def restart(self) -> None:
        """On the same port, with what is on its disk."""
        self._process = self._made(self.port)
        await self._process.start()

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def lose_disk(self) -> None:
        shutil.rmtree(self.folder / "jetstream")

    def remember_disk(self) -> None:
        shutil.copytree(self.folder / "jetstream", self.folder / "before")

    def set_disk_back(self) -> None:
        """To what it was when it was remembered."""
        self.lose_disk()
        shutil.move(self.folder / "before", self.folder / "jetstream")

    async def change_stream(self, name: str, **settings: Any) -> dict[str, Any]:
        """Change it as an operator does; returns what these settings were before."""
        async with self.client() as client:
            answer = await client.request(f"$JS.API.STREAM.INFO.{name}", b"", timeout=2.0)
            config: dict[str, Any] = json.loads(answer.data)["config"]
            changed = json.dumps(config | settings).encode()
            answer = await client.request(f"$JS.API.STREAM.UPDATE.{name}", changed, timeout=2.0)
            assert "error" not in json.loads(answer.data), answer.data
        return {key: config[key] for key in settings}

    async def until_copied(self, stream: str, last: int) -> None:
        """Until the stream has seen the message ``last`` of the one that it copies."""
        async with asyncio.timeout(5.0), self.client() as client:
            while True:
                answer = json.loads((await client.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout=2.0)).data)
                if answer["state"]["last_seq"] >= last:
                    return

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A connection of its own, as an operator has."""
        client = Client()
        await client.connect(self.url)
        try:
            yield client
        finally:
            await client.close()

    def _made(self, port: int | None) -> NatsProcess:
        return NatsProcess(*self._options, port=port, folder=self.folder, jetstream=self._jetstream)

    def forget(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@asynccontextmanager
async def nats_server(*options: str, settings: str = "", jetstream: bool = True) -> AsyncIterator[NatsServer]:
    server = NatsServer(*options, settings=settings, jetstream=jetstream)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        server.forget()
