"""Streams of a running gateway, and what it still has of them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from event_stream import EventStream, events_path
from gateways import Answer, RunningGateway

from actors.metrics import WS_DISCONNECTED

__all__ = ["disconnected", "refused", "session_of", "stream", "until_empty"]


async def stream(running: RunningGateway, *topics: str, **parameters: str) -> EventStream:
    """A stream that has been answered as far as ``subscribed``."""
    opened = await EventStream.connected(running.port, events_path(topics or ["t:a"], **parameters))
    await opened.frame_of_type("subscribed")
    return opened


async def refused(running: RunningGateway, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Answered by plain HTTP, and nobody's actor was started for it."""
    clients, admitted = len(running.gateway.clients), running.gateway.admission.connections
    answer = await running.request("GET", path, headers=headers)
    assert (len(running.gateway.clients), running.gateway.admission.connections) == (clients, admitted)
    assert set(answer.body) == {"code", "message"}
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer


async def until_empty(running: RunningGateway) -> None:
    """Every slot was given back, every actor has ended, and nothing is left to be cut off."""
    async with asyncio.timeout(10):
        await running.gateway.admission.until_empty()
        while len(running.gateway.clients) or running.gateway._connections:
            await asyncio.sleep(0)


def disconnected(running: RunningGateway) -> dict[str, int]:
    counts = running.gateway.telemetry.meter.counts(WS_DISCONNECTED)
    return {str(code): count for code, count in counts.items() if count}


def session_of(running: RunningGateway) -> Any:
    (client,) = running.gateway.clients
    return client.session
