"""A client that subscribes and then reads nothing, on a gateway whose namespaces are named for their policies.

``disconnect:a`` overflows by ``disconnect``, ``catch_up:a`` by ``catch_up``, and so on; ``done`` is final in each.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateways import RunningGateway, running_gateway
from slow_reader import WINDOW_BYTES

from actors.metrics import WS_DROPPED_MESSAGES
from actors.ports import Placed
from actors.protocol.envelope import envelope_from
from server.testing import WsHarness
from server.testing.client import Topics

__all__ = ["BOUND", "PAYLOAD", "dropped", "mailbox", "narrow", "publish", "publish_many", "read_all", "stalled"]

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
DEADLINE_S = 15.0


@asynccontextmanager
async def stalled(*topics: str, **settings: object) -> AsyncIterator[tuple[RunningGateway, WsHarness]]:
    """A client of ``topics`` that has read the answer to its subscription, and nothing since."""
    async with running_gateway({**SETTINGS, **settings}) as running, narrow(running, topics) as ws:
        ws.stall()
        yield running, ws


def narrow(running: RunningGateway, topics: Topics) -> WsHarness:
    """A client whose kernel takes in next to nothing while it does not read."""
    return WsHarness(running, topics=topics, receive_buffer=WINDOW_BYTES, timeout=DEADLINE_S)


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


async def read_all(ws: WsHarness, last: int, topic: str) -> None:
    """Read again, as far as the message at ``last``."""
    ws.unstall()
    await ws.expect_position(last, topic=topic)
