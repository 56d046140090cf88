"""Two workers on one bus, so that a test sees what a browser on one gets that was published on the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.testing.gateway_settings import Settings
from server.testing.local_gateway import LocalGateway, local_gateway
from server.testing.redis_process import RedisProcess
from server.testing.tokens import WITH_TOKENS

__all__ = ["gateway_pair"]


@asynccontextmanager
async def gateway_pair(settings: Settings | None = None) -> AsyncIterator[tuple[LocalGateway, LocalGateway]]:
    """Two gateways in this loop, on a redis-server of their own; both can be published to.

    Raises: FileNotFoundError where redis-server is missing, with what to install.
    """
    async with RedisProcess() as redis:
        shared = {**WITH_TOKENS, **(settings or {}), "bus.url": redis.url}
        async with local_gateway(shared) as one, local_gateway(shared) as other:
            yield one, other
