"""The bus on a real NATS: the contract of every bus, and what is only its own."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from bus_contract import BusContract
from manual_clock import ManualClock
from nats_servers import NatsServer, nats_server

from actors.ports import Bus
from actors.protocol.envelope import TopicName
from server.bus.jetstream.bus import JetStreamBus
from server.bus.life import Timing
from server.config import HistoryConfig

pytestmark = pytest.mark.slow  # a server is started for each

QUICK = Timing(answer_s=0.5, ping_s=0.05, silence_s=0.3, back_off_s=0.05, audit_s=0.1)
T = TopicName("a")


def bus_on(server: NatsServer, *, url: str | None = None, messages: int = 1_000, ttl_s: float = 600.0) -> JetStreamBus:
    bounds = HistoryConfig(messages, ttl_s)
    return JetStreamBus(url or server.url, "fanwire", lambda topic: bounds, bounds, QUICK)


@asynccontextmanager
async def running(**how: Any) -> AsyncIterator[tuple[NatsServer, JetStreamBus]]:
    async with nats_server() as server:
        bus = bus_on(server, **how)
        try:
            yield server, bus
        finally:
            await bus.close()


@asynccontextmanager
async def jetstream_bus() -> AsyncIterator[Bus]:
    async with running() as (_, bus):
        yield bus


class TestJetStreamBus(BusContract):
    def bus(self, clock: ManualClock) -> AbstractAsyncContextManager[Bus]:
        return jetstream_bus()
