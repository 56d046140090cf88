"""Two gateways of one loop on one real Redis or NATS, and the offline check of what a client was given."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from gateways import GatewayAddress, RunningGateway, Tab, envelope, running_gateway
from loop_turns import until
from websockets.exceptions import ConnectionClosed

import server.bus.jetstream.bus as jetstream_bus
import server.bus.redis_streams.bus as redis_bus
from server.bus.life import Timing

__all__ = ["QUICK", "Reader", "quick_timing", "resumed", "two_workers"]

QUICK = Timing(answer_s=0.5, ping_s=0.05, silence_s=0.4, back_off_s=0.1, audit_s=0.2)


def quick_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every gateway that starts in this test gives its bus up as soon as a test can wait for."""
    for bus in (redis_bus, jetstream_bus):
        monkeypatch.setattr(bus, "Timing", lambda: QUICK)


class Server(Protocol):
    """What the bus of both is on."""

    @property
    def url(self) -> str: ...


@asynccontextmanager
async def two_workers(
    server: Server, settings: Mapping[str, object] | None = None, second_url: str | None = None
) -> AsyncIterator[tuple[RunningGateway, RunningGateway]]:
    """Both ready; the second reaches the server by ``second_url`` where that is given."""
    shared = dict(settings or {})
    async with (
        running_gateway({**shared, "bus.url": server.url}) as one,
        running_gateway({**shared, "bus.url": second_url or server.url}) as two,
    ):
        await until(lambda: one.gateway.bus.ready and two.gateway.bus.ready, "both buses")
        yield one, two


@dataclass
class Reader:
    """A client that keeps what it got of one topic, comes back after every close, and notes what it was told."""

    topic: str
    got: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    closes: list[int] = field(default_factory=list)
    since: int = 0

    async def visit(self, worker: GatewayAddress) -> Tab:
        """Connect and subscribe from the last message on; until it is served."""
        while True:
            tab = await worker.tab()
            asked = envelope("system", "subscribe", {"topics": {self.topic: {"since": self.since}}})
            answer = await tab.ask(asked)
            served = answer["data"]["topics"].get(self.topic)
            if served is not None:
                self.told.append(served)
                if not served["recovered"]:
                    self.since = served["seq"]
                return tab
            await tab.connection.close()

    async def read(self, tab: Tab, until_seq: int) -> bool:
        """Keep messages up to that one; False where the connection was closed before."""
        while self.since < until_seq:
            try:
                frame = await tab.frame()
            except ConnectionClosed:
                self.closes.append(tab.connection.close_code or 1006)
                return False
            if frame["topic"] == self.topic:
                self.got.append(frame)
                self.since = frame["seq"]
            elif frame["type"] == "gap":
                self.told.append(frame["data"])
        return True

    @property
    def losses(self) -> list[dict[str, Any]]:
        """What was said to be lost."""
        return [told for told in self.told if told.get("recovered") is False or "reason" in told]

    def check(self, acknowledged: list[int]) -> None:
        """Every acknowledged position once and in order, or a loss was declared; never the same twice."""
        seqs = [frame["seq"] for frame in self.got]
        assert seqs == sorted(set(seqs)), "out of order, or twice"
        missing = set(acknowledged) - set(seqs)
        assert not missing or self.losses, f"lost in silence: {sorted(missing)}"


async def resumed(reader: Reader, worker: GatewayAddress, until_seq: int) -> None:
    """Read up to ``until_seq``, coming back as often as it takes."""
    while not await reader.read(await reader.visit(worker), until_seq):
        continue
