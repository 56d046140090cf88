"""Buses on a real NATS of their own, and what an operator does to its streams."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nats_servers import NatsServer, nats_server
from network_bus_contract import PATIENT

from server.bus.jetstream.bus import JetStreamBus
from server.config import HistoryConfig

__all__ = ["bus_on", "delete", "purge", "running", "two_ends"]


def bus_on(
    server: NatsServer, *, messages: int = 1_000, ttl_s: float = 600.0, largest: HistoryConfig | None = None
) -> JetStreamBus:
    bounds = HistoryConfig(messages, ttl_s)
    return JetStreamBus(server.url, "fanwire", lambda topic: bounds, largest or bounds, PATIENT)


@asynccontextmanager
async def running(**how: Any) -> AsyncIterator[tuple[NatsServer, JetStreamBus]]:
    async with nats_server() as server:
        bus = bus_on(server, **how)
        try:
            yield server, bus
        finally:
            await bus.close()


@asynccontextmanager
async def two_ends(**how: Any) -> AsyncIterator[tuple[NatsServer, JetStreamBus, JetStreamBus]]:
    async with running(**how) as (server, one):
        other = bus_on(server, **how)
        try:
            yield server, one, other
        finally:
            await other.close()


async def purge(server: NatsServer, stream: str) -> None:
    await _do(server, "PURGE", stream)


async def delete(server: NatsServer, stream: str) -> None:
    await _do(server, "DELETE", stream)


async def _do(server: NatsServer, verb: str, stream: str) -> None:
    async with server.client() as client:
        answer = await client.request(f"$JS.API.STREAM.{verb}.{stream}", b"", timeout=2.0)
        assert json.loads(answer.data)["success"]
