"""Owns what development mode adds: the demo page, a namespace for each policy, and the topic ``host:vitals``."""

import asyncio
import importlib
import logging
import os
import time
from collections.abc import Sized
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tornado.routing import URLSpec

from actors.ports import BusUnavailable, Placed
from server.config import Config, OverflowPolicy, TopicConfig
from server.page_files import STATIC, PageFile

__all__ = [
    "PAGES",
    "VITALS_PERIOD_S",
    "VITALS_TOPIC",
    "DemoGateway",
    "DemoPage",
    "demo_routes",
    "publish_vitals",
    "with_demo_topics",
]

PAGES = Path(__file__).parent / "pages"
BUILT_PAGE = "demo.html"
PLAIN_PAGE = "plain.html"
POLICIES: tuple[OverflowPolicy, ...] = ("disconnect", "catch_up", "drop_oldest", "latest")
VITALS_TOPIC = "host:vitals"
VITALS_PERIOD_S = 1.0

# One namespace per policy, to see them side by side. What one try needs is kept, and not for long.
_DEMO_TOPICS = {
    f"demo_{policy}": TopicConfig(overflow=policy, history_messages=600, history_ttl_s=60.0) for policy in POLICIES
}

log = logging.getLogger("fanwire.demo")


class DemoGateway(Protocol):
    """What the demo needs of a gateway: to publish through it, and to count what it serves."""

    @property
    def clients(self) -> Sized: ...

    @property
    def directory(self) -> Sized: ...

    async def publish(self, topic: str, type: str, data: object) -> Placed:
        """Raises: BusUnavailable where the message was not stored."""


class DemoPage(PageFile):
    """The built page; where there was no Node to build it, a plain one that says how to have it."""

    absent: ClassVar[str] = "no such page"

    def prepare(self) -> None:
        # At each request: whoever builds the page while the gateway runs need only load it again.
        self.root = str(STATIC if (STATIC / BUILT_PAGE).is_file() else PAGES)

    def parse_url_path(self, url_path: str) -> str:
        return BUILT_PAGE if self.root == str(STATIC) else PLAIN_PAGE


def demo_routes() -> list[URLSpec]:
    """The page at ``/``; its files are those of the build, below ``/static/``."""
    return [URLSpec(r"/()", DemoPage, {"path": str(PAGES)})]


def with_demo_topics(config: Config) -> Config:
    """``config`` with a namespace ``demo_<policy>`` for each policy that the page shows; what is configured wins."""
    return replace(config, topics={**_DEMO_TOPICS, **config.topics})


async def publish_vitals(gateway: DemoGateway) -> None:
    """Publish the host's and the gateway's vital signs to ``host:vitals`` once a second, until cancelled.

    Returns at once where psutil is missing: the page works without. ``data`` has ``cpu_percent``, ``load``,
    ``memory`` (bytes, percent) and ``gateway`` (``rss_bytes``, ``cpu_percent``, ``connections``, ``topics``,
    ``uptime_s``, ``loop_lag_ms``).
    """
    try:
        psutil = importlib.import_module("psutil")
    except ImportError:
        log.info("host:vitals stays quiet: psutil is missing; pip install 'fanwire[demo]' brings it")
        return
    vitals = _Vitals(psutil, gateway)
    due = time.monotonic()
    while True:
        due += VITALS_PERIOD_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        late_s = max(0.0, time.monotonic() - due)
        await _publish(gateway, vitals.read(late_s))
        if late_s > VITALS_PERIOD_S:
            # A laptop that slept must not publish an hour of seconds at once.
            due = time.monotonic()


async def _publish(gateway: DemoGateway, data: dict[str, object]) -> None:
    try:
        await gateway.publish(VITALS_TOPIC, "vitals", data)
    except BusUnavailable as refused:
        log.warning("one second of host:vitals was not published: %s", refused)


class _Vitals:
    """Reads what psutil knows; CPU figures are those since the reading before."""

    def __init__(self, psutil: Any, gateway: DemoGateway) -> None:
        self._psutil = psutil
        self._gateway = gateway
        self._process = psutil.Process()
        self._started = time.monotonic()
        # The first reading has nothing before it and would be 0.
        psutil.cpu_percent()
        self._process.cpu_percent()

    def read(self, late_s: float) -> dict[str, object]:
        """``late_s``: how many seconds after its due time the loop came to call."""
        memory = self._psutil.virtual_memory()
        return {
            "cpu_percent": self._psutil.cpu_percent(),
            "cpus": os.cpu_count() or 1,
            "load": [round(load, 2) for load in os.getloadavg()],
            "memory": {"used_bytes": memory.used, "total_bytes": memory.total, "percent": memory.percent},
            "gateway": self._gateway_vitals(late_s),
        }

    def _gateway_vitals(self, late_s: float) -> dict[str, object]:
        return {
            "rss_bytes": self._process.memory_info().rss,
            "cpu_percent": self._process.cpu_percent(),
            "connections": len(self._gateway.clients),
            "topics": len(self._gateway.directory),
            "uptime_s": round(time.monotonic() - self._started, 1),
            "loop_lag_ms": round(late_s * 1000, 2),
        }
