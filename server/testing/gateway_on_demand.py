"""What the fixture ``gateway`` gives: a gateway that starts in the loop of whoever uses it first.

A fixture runs before the test's loop does, and does not know which it will be: pytest-tornado's, one of
``asyncio.run``, another plugin's. So nothing is started until a test awaits something.
"""

import asyncio
from contextlib import AbstractAsyncContextManager

from actors.ports import Clock, Placed
from server.testing.gateway_process import GatewayProcess
from server.testing.gateway_settings import Settings
from server.testing.local_gateway import LocalGateway, local_gateway
from server.testing.tokens import WITH_TOKENS

__all__ = ["GatewayOnDemand"]


class GatewayOnDemand:
    """Owns the gateway that a test uses without naming it, and the task that ends it with its loop.

    Called, it makes further ones: ``async with gateway({"mailbox.messages": 5}) as small``.
    """

    def __init__(self, settings: Settings, clock: Clock | None) -> None:
        self._settings: Settings = {**WITH_TOKENS, **settings}
        self._clock = clock
        self._running: LocalGateway | None = None
        self._keeper: asyncio.Task[None] | None = None

    def __call__(self, settings: Settings | None = None) -> AbstractAsyncContextManager[LocalGateway]:
        """A gateway of its own in this loop; ``settings`` are added to the fixture's."""
        return local_gateway({**self._settings, **(settings or {})}, self._clock)

    def process(self, settings: Settings | None = None) -> GatewayProcess:
        """The same as a process of its own, which no manual clock reaches."""
        return GatewayProcess({**self._settings, **(settings or {})})

    async def started(self) -> LocalGateway:
        """The gateway, started now unless it runs. WsHarness calls this."""
        if self._running is None:
            self._running = LocalGateway(self._settings, self._clock)
            self._keeper = asyncio.ensure_future(_kept(self._running))
            await self._running.ready()
        return self._running

    async def publish(self, topic: str, type: str, data: object = None, **more: object) -> Placed:
        """Publish as a backend does; ``more``: ``id``, ``key``. Raises: ProtocolError, BusUnavailable."""
        return await (await self.started()).publish(topic, type, data, **more)

    async def stop(self) -> None:
        """End it early, as a restart does; what is published next starts another, which remembers nothing."""
        keeper, self._keeper, self._running = self._keeper, None, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    def end(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """After the test. A loop that has closed cancelled its tasks, the keeper too: then all is over already."""
        if loop is not None and not loop.is_closed():
            loop.run_until_complete(self.stop())


async def _kept(running: LocalGateway) -> None:
    """``asyncio.run`` cancels what is left when a test is over: that is when the gateway ends, in its own loop."""
    try:
        await running.failed.wait()
    finally:
        await running.stop()
