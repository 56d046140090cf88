"""Owns what Fanwire can be told: every setting with its type, default and bounds.

Pure. The rules among settings are in `server.config_rules`; what files, environment and flags say is read
by `server.config_sources`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple, TypeAlias

__all__ = [
    "AuthConfig",
    "Bounds",
    "BusConfig",
    "Config",
    "HeartbeatConfig",
    "HistoryConfig",
    "LimitsConfig",
    "LogConfig",
    "MailboxConfig",
    "ServerConfig",
    "StatsdConfig",
    "TopicConfig",
]


class Bounds(NamedTuple):
    """The smallest and the largest number that a setting may have, both included."""

    low: float
    high: float


Port: TypeAlias = Annotated[int, Bounds(0, 65535)]
Count: TypeAlias = Annotated[int, Bounds(1, 2**40)]
FrameBytes: TypeAlias = Annotated[int, Bounds(1024, 2**30)]
Rate: TypeAlias = Annotated[float, Bounds(0.001, 1_000_000)]
Seconds: TypeAlias = Annotated[float, Bounds(0.001, 31_536_000)]
OverflowPolicy: TypeAlias = Literal["disconnect", "catch_up", "drop_oldest", "drop_newest", "latest"]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where the gateway listens. Port 0 takes a free one; ``dev`` is set by the flag --dev alone."""

    host: str = "127.0.0.1"
    port: Port = 8080
    workers: Count = 1
    max_frame_bytes: FrameBytes = 65536
    allowed_origins: tuple[str, ...] = ()
    drain_s: Seconds = 10.0
    trusted_proxies: tuple[str, ...] = ()
    dev: bool = False


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Who may connect. ``mode`` has no default on purpose: an open gateway has to be asked for."""

    mode: Literal["jwt", "disabled"] | None = None
    secret: str | None = field(default=None, repr=False)
    secret_file: str | None = None
    jwks_file: str | None = None
    jwks_url: str | None = field(default=None, repr=False)
    algorithms: tuple[str, ...] = ("HS256",)
    audience: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """How much one worker admits, in connections, topics, and messages per second from one client."""

    connections: Count = 15000
    connections_per_user: Count = 50
    connections_per_ip: Count = 1000
    topics_per_client: Count = 100
    topics: Count = 100_000
    client_messages_per_s: Rate = 50.0
    publishes_per_s: Rate | None = None


@dataclass(frozen=True, slots=True)
class MailboxConfig:
    """The bounds of a client's mailbox (messages, bytes, seconds of a stalled write) and of a topic's."""

    messages: Count = 500
    bytes: Count = 1048576
    write_stall_s: Seconds = 10.0
    topic_messages: Count = 10000


@dataclass(frozen=True, slots=True)
class HeartbeatConfig:
    """Seconds between pings, and seconds of silence after which a client is taken for dead."""

    interval_s: Seconds = 30.0
    timeout_s: Seconds = 60.0


@dataclass(frozen=True, slots=True)
class HistoryConfig:
    """How many messages of a topic, and for how many seconds, stay replayable."""

    messages: Count = 1000
    ttl_s: Seconds = 600.0


@dataclass(frozen=True, slots=True)
class BusConfig:
    """Where messages get their position and are stored. The URL may hold a password, so no repr shows it.

    ``prefix`` begins every name that this gateway's messages have on a bus that others use as well.
    """

    url: str = field(default="memory://", repr=False)
    prefix: str = "fanwire"

    @property
    def kind(self) -> str:
        """What metrics call the bus: memory, redis or nats."""
        scheme = self.url.partition(":")[0]
        return {"rediss": "redis", "unix": "redis", "tls": "nats"}.get(scheme, scheme)

    @property
    def place(self) -> str:
        """The URL as it may be logged: without user, password and parameters."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


@dataclass(frozen=True, slots=True)
class StatsdConfig:
    """The StatsD daemon that gets the metrics; off while ``host`` is unset. ``tags``: labels as DogStatsD tags."""

    host: str | None = None
    port: Annotated[int, Bounds(1, 65535)] = 8125
    prefix: str = "fanwire"
    interval_s: Annotated[float, Bounds(0.1, 3600)] = 1.0
    tags: bool = False


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What is logged, and for whom: json for machines, text for people."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"
    packets: Literal["none", "sampled", "all"] = "none"


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """What differs for the topics of one namespace; an unset history value means the one of ``[history]``."""

    overflow: OverflowPolicy = "disconnect"
    final: tuple[str, ...] = ()
    history_messages: Count | None = None
    history_ttl_s: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting of one gateway; ``topics`` maps a namespace to what was configured for it."""

    server: ServerConfig = field(default_factory=ServerConfig)
    auth: AuthConfig = field(default_factory=AuthConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    mailbox: MailboxConfig = field(default_factory=MailboxConfig)
    heartbeat: HeartbeatConfig = field(default_factory=HeartbeatConfig)
    history: HistoryConfig = field(default_factory=HistoryConfig)
    bus: BusConfig = field(default_factory=BusConfig)
    statsd: StatsdConfig = field(default_factory=StatsdConfig)
    log: LogConfig = field(default_factory=LogConfig)
    topics: Mapping[str, TopicConfig] = field(default_factory=dict)

    def topic(self, namespace: str) -> TopicConfig:
        """The settings of a namespace (``thread`` for the topic ``thread:42``), or the defaults."""
        return self.topics.get(namespace, _PLAIN_TOPIC)

    def history_for(self, namespace: str) -> HistoryConfig:
        """The history bounds of a namespace: its own where set, else those of ``[history]``."""
        own = self.topic(namespace)
        return HistoryConfig(
            self.history.messages if own.history_messages is None else own.history_messages,
            self.history.ttl_s if own.history_ttl_s is None else own.history_ttl_s,
        )

    @property
    def largest_history(self) -> HistoryConfig:
        """Bounds that no namespace goes beyond."""
        every = [self.history, *(self.history_for(namespace) for namespace in self.topics)]
        return HistoryConfig(max(one.messages for one in every), max(one.ttl_s for one in every))


_PLAIN_TOPIC = TopicConfig()
