"""Two workers on one bus, so that a test sees what a browser on one gets that was published on the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from server.testing.gateway_settings import Settings
from server.testing.local_gateway import LocalGateway, local_gateway
from server.testing.nats_process import NatsProcess
from server.testing.redis_process import RedisProcess
from server.testing.tokens import WITH_TOKENS

__all__ = ["SharedBus", "gateway_pair"]

SharedBus = Literal["redis", "nats"]


@asynccontextmanager
async def gateway_pair(
    bus: SharedBus = "redis", settings: Settings | None = None
) -> AsyncIterator[tuple[LocalGateway, LocalGateway]]:
    """Two gateways in this loop, on a server of their own for ``bus``; both can be published to.

    Raises: FileNotFoundError where redis-server or nats-server is missing, with what to install.
    """
    async with _server(bus) as server:
        shared = {**WITH_TOKENS, **(settings or {}), "bus.url": server.url}
        async with local_gateway(shared) as one, local_gateway(shared) as other:
            yield one, other


def _server(bus: SharedBus) -> RedisProcess | NatsProcess:
    """Raises: ValueError, FileNotFoundError."""
    if bus == "redis":
        return RedisProcess()
    if bus == "nats":
        return NatsProcess()
    raise ValueError(f"two gateways share 'redis' or 'nats', and not {bus!r}")
