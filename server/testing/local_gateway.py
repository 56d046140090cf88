"""A real gateway on a free port, in the loop of the test that uses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.ports import Clock, Placed
from actors.protocol.envelope import envelope_from
from server.app import Gateway
from server.testing.gateway_settings import QUIET, Settings, loaded_from

__all__ = ["LocalGateway", "local_gateway"]

DRAIN_S = 2.0
READY_S = 10.0


class LocalGateway:
    """Listens from its construction on. ``gateway`` is the real one, for tests that look inside.

    ``failed`` is set when the gateway asks for its process to be ended. ``clock``: time for heartbeats and for the
    expiry of live connections; a ManualClock moves only when told to. Raises: ConfigError.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        loaded = loaded_from({**QUIET, **settings})
        self.failed = asyncio.Event()
        self.gateway = Gateway(loaded.config, failed=self.failed.set, clock=clock, sources=loaded.sources)
        self.gateway.listen("127.0.0.1", 0)
        self.port = self.gateway.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def publish(self, topic: str, type: str, data: object = None, **more: object) -> Placed:
        """Publish as a backend does, without a token; ``more``: ``id``, ``key``.

        Raises: ProtocolError where a rule is broken, BusUnavailable where it was not stored.
        """
        fields = {"topic": topic, "type": type, "data": {} if data is None else data, **more}
        envelope = envelope_from(fields, self.gateway.clock.time())
        placed = self.gateway.bus.publish(envelope, deduplicate="id" in more)
        return placed if isinstance(placed, Placed) else await placed

    async def ready(self) -> None:
        """Until its bus can be published to. Raises: TimeoutError."""
        async with asyncio.timeout(READY_S):
            while not self.gateway.bus.ready:  # noqa: ASYNC110 - the bus tells nobody that it got ready
                await asyncio.sleep(0)

    async def stop(self) -> None:
        """Drain and end; clients are closed 1012."""
        await self.gateway.stop(DRAIN_S)


@asynccontextmanager
async def local_gateway(settings: Settings | None = None, clock: Clock | None = None) -> AsyncIterator[LocalGateway]:
    """A gateway for the length of a context. ``settings`` as dotted keys; ``auth.mode`` has to be among them."""
    running = LocalGateway(settings or {}, clock)
    try:
        await running.ready()
        yield running
    finally:
        await running.stop()
