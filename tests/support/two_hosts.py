"""Two hosts as two network namespaces, each with a line to its clients and another one to Redis, and a gateway on it.

The test itself is on neither: clients and Redis are at its end of the lines. What it owns: namespaces, virtual
interfaces and processes, all gone at the end. Needs root and ``ip`` (iproute2).
"""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from gateways import LONG_S, WITH_TOKENS, GatewayAddress, environment_of, token_for
from redis_servers import redis_server

from server.testing.server_process import ServerProcess

__all__ = ["Host", "NoNamespaces", "two_hosts"]

PORT = 8080
CLIENTS, REDIS = 0, 1


class NoNamespaces(Exception):
    """There can be no second host here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Host:
    """``number`` is 0 or 1. Addresses and names hold the pid of this process: two runs do not meet."""

    number: int

    @property
    def namespace(self) -> str:
        return f"fanwire-{os.getpid()}-{self.number}"

    def line(self, purpose: int) -> str:
        """The name of this end of a line; the one on the host has an ``h`` behind it. 15 characters at most."""
        return f"fw{os.getpid()}.{self.number}{purpose}"

    def here(self, purpose: int) -> str:
        return f"{self._network(purpose)}.1"

    def there(self, purpose: int) -> str:
        return f"{self._network(purpose)}.2"

    def _network(self, purpose: int) -> str:
        # A quarter of the space for private use, by the pid: what the machine itself uses is hardly there.
        return f"10.{64 + os.getpid() % 128}.{os.getpid() // 128 % 64 * 4 + self.number * 2 + purpose}"

    async def cut_from_redis(self) -> None:
        """Whatever either side sends is swallowed, and nobody is told."""
        await _ip("link", "set", self.line(REDIS), "down")

    async def mend(self) -> None:
        await _ip("link", "set", self.line(REDIS), "up")


@asynccontextmanager
async def two_hosts() -> AsyncIterator[tuple[tuple[Host, GatewayAddress], tuple[Host, GatewayAddress]]]:
    """Both gateways accept and have Redis. Raises: NoNamespaces."""
    hosts = Host(0), Host(1)
    async with AsyncExitStack() as stack:
        for host in hosts:
            await stack.enter_async_context(_connected(host))
        bind = ["127.0.0.1", *(host.here(REDIS) for host in hosts)]
        redis = await stack.enter_async_context(redis_server("--bind", *bind, "--protected-mode", "no"))
        first, second = [await stack.enter_async_context(_gateway(host, redis.port)) for host in hosts]
        yield (hosts[0], first), (hosts[1], second)


@asynccontextmanager
async def _connected(host: Host) -> AsyncIterator[None]:
    await _ip("netns", "add", host.namespace)
    try:
        async with _line(host, CLIENTS), _line(host, REDIS):
            yield
    finally:
        await _ip("netns", "del", host.namespace)


@asynccontextmanager
async def _line(host: Host, purpose: int) -> AsyncIterator[None]:
    here, there = host.line(purpose), f"{host.line(purpose)}h"
    await _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", host.namespace)
    try:
        await _ip("addr", "add", f"{host.here(purpose)}/24", "dev", here)
        await _ip("link", "set", here, "up")
        await _ip("-n", host.namespace, "addr", "add", f"{host.there(purpose)}/24", "dev", there)
        await _ip("-n", host.namespace, "link", "set", there, "up")
        yield
    finally:
        # A namespace takes its lines with it as well, but some time later, and their names are wanted again.
        await _ip("link", "del", here)


@asynccontextmanager
async def _gateway(host: Host, redis_port: int) -> AsyncIterator[GatewayAddress]:
    """``fanwire serve`` on that host, with tokens: without them it listens on loopback only."""
    bus = f"redis://{host.here(REDIS)}:{redis_port}/0"
    serve = [sys.executable, "-m", "server.cli", "serve", "--host", "0.0.0.0", "--port", "{port}", "--bus", bus]
    command = ["ip", "netns", "exec", host.namespace, *serve]
    env = environment_of({**WITH_TOKENS, "server.drain_s": 1.0})
    async with ServerProcess(command, port=PORT, ready="the bus is there", env=env) as process:
        await process.wait_for_log("listening")
        token = token_for("ada", ttl_s=LONG_S, subscribe=["*"], publish=["*"])
        address = GatewayAddress(host.there(CLIENTS), PORT, token)
        try:
            yield address
        finally:
            address.close()


async def _ip(*words: str) -> None:
    """Raises: NoNamespaces."""
    if shutil.which("ip") is None:
        raise NoNamespaces("two hosts need the command `ip`: apt-get install iproute2")
    process = await asyncio.create_subprocess_exec("ip", *words, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    if process.returncode:
        reason = said.decode().strip()
        raise NoNamespaces(f"two hosts need network namespaces and veth, and root: `ip {' '.join(words)}`: {reason}")
