"""Where a harness connects to: a URL, a gateway that runs, or one that is started when it is first wanted."""

import base64
import json
import ssl
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from urllib.parse import urlencode, urlsplit

from actors.protocol.envelope import Seq, TopicName
from actors.protocol.sse import cursor_of
from server.testing.dialect import Dialect
from server.testing.events_dialect import EventsDialect
from server.testing.websocket_dialect import WebSocketDialect

__all__ = [
    "Address",
    "Reachable",
    "Startable",
    "address_of",
    "cursor_at",
    "events_dialect",
    "own_topic",
    "websocket_dialect",
]

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
ANONYMOUS = "anonymous"


@runtime_checkable
class Reachable(Protocol):
    """A gateway that listens."""

    @property
    def url(self) -> str:
        """Its base URL."""


@runtime_checkable
class Startable(Protocol):
    """A gateway that is started by whoever wants it first."""

    async def started(self) -> Reachable: ...


@dataclass(frozen=True, slots=True)
class Address:
    """A gateway's base URL, in parts; ``prefix`` is the path under which a proxy has it."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    prefix: str

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def http_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.prefix}"


async def address_of(target: str | Reachable | Startable) -> Address:
    """Raises: ValueError where a URL is none that a gateway has."""
    if isinstance(target, Startable):
        target = await target.started()
    url = target if isinstance(target, str) else target.url
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no URL of a gateway: it must look like http://127.0.0.1:8080")
    tls = ssl.create_default_context() if parts.scheme in ("https", "wss") else None
    # /api/ws is what a user copies from elsewhere; the base is meant.
    prefix = parts.path.removesuffix("/").removesuffix("/api/ws")
    return Address(parts.hostname, parts.port or _PORTS[parts.scheme], tls, prefix)


def websocket_dialect(address: Address, token: str | None, *, answers_pings: bool) -> Dialect:
    offered = ["fanwire.v1"] if token is None else ["fanwire.v1", f"fanwire.token.{token}"]
    return WebSocketDialect(address.authority, f"{address.prefix}/api/ws", offered, answers_pings=answers_pings)


def events_dialect(address: Address, token: str | None, topics: list[str], cursor: str) -> Dialect:
    query = urlencode([("topic", topic) for topic in topics])
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    if cursor:
        headers["Last-Event-ID"] = cursor
    return EventsDialect(address.authority, f"{address.prefix}/api/events?{query}", headers)


def cursor_at(topics: list[str], positions: dict[str, int], token: str | None) -> str:
    """The cursor of a stream that had got as far as ``positions``; empty where there are none."""
    if not positions:
        return ""
    names = [TopicName(name) for name in dict.fromkeys([*topics, own_topic(token)])]
    return cursor_of(names, {TopicName(name): Seq(seq) for name, seq in positions.items()})


def own_topic(token: str | None) -> str:
    """The topic that every connection of the token's holder is subscribed to. The signature is the gateway's affair."""
    if token is None or token.count(".") != 2:
        return f"user:{ANONYMOUS}"
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"user:{claims['sub']}"
