"""Owns what development mode adds: the demo page with its files, and the topic ``host:vitals``."""

import asyncio
import importlib
import logging
import os
import time
from collections.abc import Sized
from pathlib import Path
from typing import Any, Protocol

from tornado.routing import URLSpec
from tornado.web import StaticFileHandler

from actors.ports import BusUnavailable, Placed

__all__ = [
    "PAGES",
    "STATIC",
    "VITALS_PERIOD_S",
    "VITALS_TOPIC",
    "DemoFile",
    "DemoGateway",
    "demo_routes",
    "publish_vitals",
]

PAGES = Path(__file__).parent / "pages"
# The browser client, built by `make run` and shipped in the wheel; without it the rest of the gateway still works.
STATIC = Path(__file__).parent / "static"
VITALS_TOPIC = "host:vitals"
VITALS_PERIOD_S = 1.0

# The page loads three kinds of file from here, its icon from itself, and speaks to this gateway alone.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)

log = logging.getLogger("fanwire.demo")


class DemoGateway(Protocol):
    """What the demo needs of a gateway: to publish through it, and to count what it serves."""

    @property
    def clients(self) -> Sized: ...

    @property
    def directory(self) -> Sized: ...

    async def publish(self, topic: str, type: str, data: object) -> Placed:
        """Raises: BusUnavailable where the message was not stored."""


class DemoFile(StaticFileHandler):
    """A file of the demo page, under a policy that lets nothing but these files run."""

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        # The token, where there is one, is in the fragment, which is never sent; this is the second lock.
        self.set_header("Referrer-Policy", "no-referrer")
        self.clear_header("Server")

    def set_extra_headers(self, path: str) -> None:
        # After an upgrade the page and the gateway must fit; the ETag makes asking again cheap.
        self.set_header("Cache-Control", "no-cache")


def demo_routes(gateway: DemoGateway) -> list[URLSpec]:
    """The page at ``/``, its files below ``/demo/`` and the browser client below ``/static/``.

    ``gateway`` is there for what later routes may need.
    """
    files: dict[str, Any] = {"path": str(PAGES)}
    return [
        URLSpec(r"/()", DemoFile, {**files, "default_filename": "demo.html"}),
        URLSpec(r"/demo/([a-z_]+\.(?:css|js))", DemoFile, files),
        URLSpec(r"/static/([a-z_.]+\.js)", DemoFile, {"path": str(STATIC)}),
    ]


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
