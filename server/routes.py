"""Which handler answers at which path, and what it is given of the gateway."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.clients import Clients
from actors.directory import TopicDirectory
from actors.ports import Clock
from actors.telemetry import Telemetry
from server.access import Access
from server.bus.metered import MeteredBus
from server.config import Config
from server.demo import demo_routes
from server.handlers.demo_token import DemoTokenHandler
from server.handlers.events import EventsHandler
from server.handlers.handshake import Handshakes, Reception
from server.handlers.health import HealthHandler, ReadyHandler
from server.handlers.json_handler import JsonHandler
from server.handlers.metrics import MetricsHandler
from server.handlers.open_connections import OpenConnections
from server.handlers.ops import ops_routes
from server.handlers.publish import PublishHandler
from server.handlers.replay import ReplayHandler
from server.handlers.socket import SocketHandler
from server.handlers.trace import TraceHandler
from server.operators import Operators
from server.ops.snapshots import Snapshots
from server.publish_rate import PublishRate
from server.siblings import Siblings

__all__ = ["NotFoundHandler", "Parts", "routes_to"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What handlers reach of a gateway. ``checks`` and ``shown_config`` are asked anew for each request."""

    config: Config
    shown_config: Callable[[], list[tuple[str, str, str]]]
    access: Access
    operators: Operators
    clients: Clients
    connections: OpenConnections
    directory: TopicDirectory
    bus: MeteredBus
    clock: Clock
    telemetry: Telemetry
    snapshots: Snapshots
    checks: Callable[[], dict[str, bool]]
    siblings: Siblings | None


class NotFoundHandler(JsonHandler):
    def prepare(self) -> None:
        self.refuse(404, "not_found", "no such path")


def routes_to(parts: Parts) -> list[Any]:
    """Every route of the gateway, as Tornado takes them; in development mode the demo's as well."""
    routes = [*_for_clients(parts), *_for_backends(parts), *_for_operators(parts)]
    if parts.config.server.dev:
        routes += demo_routes()
        arguments = {"operators": parts.operators, "auth": parts.config.auth}
        routes.append((r"/api/demo/token", DemoTokenHandler, arguments))
    return routes


def _for_clients(parts: Parts) -> list[Any]:
    replay = {"access": parts.access, "directory": parts.directory, "bus": parts.bus}
    return [
        (r"/api/ws", Handshakes(_reception(parts))),
        (r"/api/ws", SocketHandler, {"access": parts.access}),
        (r"/api/events", EventsHandler, _events(parts)),
        (r"/api/ws/replay", ReplayHandler, replay),
    ]


def _reception(parts: Parts) -> Reception:
    return Reception(
        access=parts.access,
        clients=parts.clients,
        connections=parts.connections,
        meter=parts.telemetry.meter,
        max_frame_bytes=parts.config.server.max_frame_bytes,
        write_stall_s=parts.config.mailbox.write_stall_s,
    )


def _events(parts: Parts) -> dict[str, object]:
    return {
        "access": parts.access,
        "clients": parts.clients,
        "connections": parts.connections,
        "max_topics": parts.config.limits.topics_per_client,
        "write_stall_s": parts.config.mailbox.write_stall_s,
        "meter": parts.telemetry.meter,
    }


def _for_backends(parts: Parts) -> list[Any]:
    publish = {
        "access": parts.access,
        "bus": parts.bus,
        "clock": parts.clock,
        "rate": PublishRate(parts.config.limits.publishes_per_s),
        "packets": parts.telemetry.packets,
        "max_body_bytes": parts.config.server.max_frame_bytes,
    }
    return [(r"/api/publish", PublishHandler, publish)]


def _for_operators(parts: Parts) -> list[Any]:
    operators, meter = parts.operators, parts.telemetry.meter
    trace = {
        "operators": operators,
        "traces": parts.telemetry.traces,
        "clients": parts.clients,
        "clock": parts.clock,
    }
    return [
        (r"/api/trace/([^/]+)", TraceHandler, trace),
        (r"/metrics", MetricsHandler, {"operators": operators, "meter": meter, "siblings": parts.siblings}),
        (r"/healthz", HealthHandler),
        (r"/readyz", ReadyHandler, {"checks": parts.checks, "siblings": parts.siblings}),
        *ops_routes(operators, parts.snapshots, parts.shown_config),
    ]
