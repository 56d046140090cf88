"""A client that subscribes and then reads nothing, on a gateway whose namespaces are named for their policies.

``disconnect:a`` overflows by ``disconnect``, ``catch_up:a`` by ``catch_up``, and so on; ``done`` is final in each.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateways import RunningGateway, running_gateway
from slow_reader import SlowReader

from actors.metrics import WS_DROPPED_MESSAGES
from actors.ports import Placed
from actors.protocol.envelope import envelope_from

__all__ = ["BOUND", "PAYLOAD", "dropped", "mailbox", "publish", "publish_many", "read_all", "stalled"]

POLICIES = ("disconnect", "catch_up", "drop_oldest", "drop_newest", "latest")
BOUND = 20
SETTINGS: dict[str, object] = {
    "mailbox.messages": BOUND,
    "mailbox.bytes": 262_144,
    "history.messages": 5_000,
    **{f"topics.{policy}.overflow": policy for policy in POLICIES},
    **{f"topics.{policy}.final": ["done"] for policy in POLICIES},
}
PAYLOAD = "x" * 1000


@asynccontextmanager
async def stalled(*topics: str, **settings: object) -> AsyncIterator[tuple[RunningGateway, SlowReader]]:
    """A client of ``topics`` that has read the answer to its subscription, and nothing since."""
    async with running_gateway({**SETTINGS, **settings}) as running, await SlowReader.connected(running) as reader:
        await reader.subscribe({topic: {} for topic in topics})
        yield running, reader


async def publish(running: RunningGateway, topic: str, type: str = "x", **fields: object) -> int:
    """One message, fanned out when this returns; its position."""
    envelope = envelope_from({"topic": topic, "type": type, "data": PAYLOAD, **fields}, 1.0)
    placed = running.gateway.bus.publish(envelope, deduplicate=False)
    assert isinstance(placed, Placed)
    while running.gateway.directory.top(envelope.topic) != placed.seq:
        await asyncio.sleep(0)
    return placed.seq


async def publish_many(running: RunningGateway, topic: str, count: int) -> list[int]:
    return [await publish(running, topic) for _ in range(count)]


def dropped(running: RunningGateway, policy: str) -> int:
    """What that overflow policy dropped so far."""
    return running.gateway.telemetry.meter.counts(WS_DROPPED_MESSAGES)[policy]


def mailbox(running: RunningGateway) -> Any:
    (client,) = running.gateway.clients
    return client.session.mailbox


async def read_all(reader: SlowReader, last: int, topic: str) -> None:
    await reader.read_until(lambda frame: frame["topic"] == topic and frame["seq"] == last)
