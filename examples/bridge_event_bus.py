#!/usr/bin/env python3
"""An application's own event bus, bridged to browsers: ``Bridge`` is all it takes.

    python examples/bridge_event_bus.py --port 8080
    fanwire tail jobs:1 --since earliest

``EventBus`` stands for whatever the application has already: signals, observers, callbacks.
"""

import argparse
import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from actors.ports import BusUnavailable
from server.app import Gateway
from server.config import AuthConfig, Config

__all__ = ["Bridge", "Event", "EventBus", "main"]

MOST_WAITING = 1000
DRAIN_S = 5.0


@dataclass(frozen=True)
class Event:
    """What the application's parts tell each other: ``about`` names a thing, ``kind`` what happened to it."""

    about: str
    kind: str
    details: dict[str, object]


class EventBus:
    """The application's: calls its listeners, one after the other, and waits for nobody."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Event], None]] = []

    def listen(self, listener: Callable[[Event], None]) -> None:
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)


class Bridge:
    """Publishes what the bus emits, in order. At most ``MOST_WAITING`` wait; ``emit`` raises QueueFull beyond."""

    def __init__(self, bus: EventBus, gateway: Gateway) -> None:
        self._gateway = gateway
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(MOST_WAITING)
        bus.listen(self._waiting.put_nowait)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            event = await self._waiting.get()
            await self._publish(event)

    async def _publish(self, event: Event) -> None:
        """Once it is stored; one that is not taken now is offered again, and the next ones wait for it."""
        while True:
            try:
                await self._gateway.publish(event.about, event.kind, event.details)
            except BusUnavailable as full:
                await asyncio.sleep(full.retry_after_s)
            else:
                return


async def work(bus: EventBus, jobs: int, steps: int) -> None:
    """The application: it knows its bus, and nothing of browsers."""
    for step in range(1, steps + 1):
        for job in range(1, jobs + 1):
            bus.emit(Event(f"jobs:{job}", "progress", {"percent": 100 * step // steps}))
        await asyncio.sleep(0.05)


async def serve(port: int, jobs: int, steps: int) -> None:
    gateway = Gateway(Config(auth=AuthConfig(mode="disabled")), failed=lambda: None)
    gateway.listen("127.0.0.1", port)
    bus = EventBus()
    bridging = asyncio.ensure_future(Bridge(bus, gateway).run())
    try:
        await work(bus, jobs, steps)
        print("all jobs are done; Ctrl+C ends the gateway", flush=True)
        await bridging
    finally:
        bridging.cancel()
        await gateway.stop(DRAIN_S)


def main() -> None:
    parser = argparse.ArgumentParser(description="an application's event bus, bridged to browsers")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, arguments.jobs, arguments.steps))


if __name__ == "__main__":
    main()
