"""The catalogue: every metric of the gateway, once. Prometheus names, StatsD names and docs are read off it. Pure.

A label has few values, all of them listed here: what would grow with topics, users or clients is never one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "ACTOR_DEAD_LETTERS",
    "ACTOR_FAILURES",
    "ACTOR_GIVEN_UP",
    "ACTOR_MAILBOX_DEPTH",
    "ACTOR_MAILBOX_HIGH_WATER",
    "ACTOR_MAILBOX_WAIT",
    "ACTOR_RESTARTS",
    "ACTOR_RUNNING",
    "BUS_ERRORS",
    "BUS_PUBLISH",
    "BUS_REFUSED",
    "BUS_UP",
    "CATALOGUE",
    "LOOP_LAG",
    "OTHER",
    "STATSD_ERRORS",
    "WS_ACK_LAG",
    "WS_AUTH_FAILURES",
    "WS_CONNECTED",
    "WS_CONNECTIONS",
    "WS_DISCONNECTED",
    "WS_DROPPED_MESSAGES",
    "WS_FANOUT",
    "WS_MAILBOX_DEPTH",
    "WS_PUBLISH_TO_SOCKET",
    "WS_RECEIVED_MESSAGES",
    "WS_RECOVER",
    "WS_REFUSED",
    "WS_REPLAYED_MESSAGES",
    "WS_SENT_BYTES",
    "WS_SENT_MESSAGES",
    "WS_SLOW_EPISODES",
    "Across",
    "Kind",
    "Metric",
]

OTHER = "other"


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Across(StrEnum):
    """What a gauge is over several workers; counters and histograms are always added up."""

    SUM = "sum"
    HIGHEST = "highest"
    LOWEST = "lowest"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """``name`` is the one that Prometheus sees; ``values`` are all that ``label`` may have.

    What a label's values do not name is counted under "other", which every label has.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    label: str | None = None
    values: Sequence[str] = ()
    across: Across = Across.SUM

    @property
    def statsd_name(self) -> str:
        """``<area>.<noun>`` without the prefix; a label's value is one more part behind it."""
        stem = self.name.removesuffix("_total").removesuffix("_seconds")
        return stem.replace("_", ".", 1)

    @property
    def series(self) -> Sequence[str]:
        """The label's values, "other" last; one empty string where there is no label."""
        return (*self.values, OTHER) if self.label else ("",)


def _counter(name: str, unit: str, text: str, label: str | None = None, values: Sequence[str] = ()) -> Metric:
    return Metric(name, Kind.COUNTER, unit, text, label, values)


def _gauge(
    name: str, unit: str, text: str, label: str | None = None, values: Sequence[str] = (), across: Across = Across.SUM
) -> Metric:
    return Metric(name, Kind.GAUGE, unit, text, label, values, across)


def _histogram(name: str, text: str, label: str | None = None, values: Sequence[str] = ()) -> Metric:
    return Metric(name, Kind.HISTOGRAM, "seconds", text, label, values)


_ACTORS = ("topic", "client", "bus", "reporter", "supervisor")
_BUSES = ("memory", "redis", "nats")
_POLICIES = ("disconnect", "catch_up", "drop_oldest", "drop_newest", "latest")
_CLOSE_CODES = (
    *("1000", "1001", "1002", "1005", "1006", "1007", "1009", "1011", "1012", "1013"),
    *("4400", "4401", "4403", "4408", "4429", "4509", "4510"),
)
_REFUSALS = ("unauthorized", "forbidden", "rate_limited", "overloaded", "bad_version")
_TOKEN_FLAWS = (
    *("missing", "malformed", "too_long", "algorithm", "unknown_key", "signature", "claims", "expired"),
    *("not_yet_valid", "audience", "issuer", "keys_unavailable"),
)
_DEAD_LETTERS = ("poison", "undeliverable", "quarantined")

WS_CONNECTED = _counter("ws_connected_total", "connections", "Connections that were let in.")
WS_CONNECTIONS = _gauge("ws_connections", "connections", "Connections that are open now.")
WS_DISCONNECTED = _counter(
    "ws_disconnected_total", "connections", "Connections that ended, by the close code.", "code", _CLOSE_CODES
)
WS_REFUSED = _counter("ws_refused_total", "connections", "Connections that were not let in.", "reason", _REFUSALS)
WS_AUTH_FAILURES = _counter(
    "ws_auth_failures_total", "tokens", "Tokens that were refused, on any route.", "reason", _TOKEN_FLAWS
)
WS_RECEIVED_MESSAGES = _counter("ws_received_messages_total", "frames", "Text frames that clients sent.")
WS_SENT_MESSAGES = _counter(
    "ws_sent_messages_total", "messages", "Published messages that were given to sockets, once for each subscriber."
)
WS_SENT_BYTES = _counter(
    "ws_sent_bytes_total", "bytes", "Bytes of WebSocket frames that were given to sockets, control frames included."
)
WS_DROPPED_MESSAGES = _counter(
    "ws_dropped_messages_total",
    "messages",
    "Messages that an overflow policy kept out of a client's mailbox or took out of it; of disconnect and catch_up "
    "the client gets them later, from history.",
    "policy",
    _POLICIES,
)
WS_SLOW_EPISODES = _counter(
    "ws_slow_episodes_total",
    "episodes",
    "Times a client fell so far behind that a policy had to act.",
    "policy",
    _POLICIES,
)
WS_REPLAYED_MESSAGES = _counter(
    "ws_replayed_messages_total", "messages", "Messages that history gave to clients that came back or were behind."
)
WS_RECOVER = _counter(
    "ws_recover_total", "subscriptions", "Subscriptions with since, by how that went.", "result", ("recovered", "lost")
)
WS_ACK_LAG = _gauge(
    "ws_ack_lag_seconds",
    "seconds",
    "How far the client that lags most is behind the top of a topic, by what it has acknowledged; clients that never "
    "acknowledge do not count.",
    across=Across.HIGHEST,
)
WS_MAILBOX_DEPTH = _gauge("ws_mailbox_depth", "messages", "Messages that wait in all clients' mailboxes together.")
WS_FANOUT = _histogram("ws_fanout_seconds", "From the start of a round of fan-out to its last subscriber.")
WS_PUBLISH_TO_SOCKET = _histogram(
    "ws_publish_to_socket_seconds",
    "From a message's arrival in this worker to its being given to a subscriber's socket, once for each subscriber.",
)
ACTOR_RUNNING = _gauge(
    "actor_running", "actors", "Topics and clients that this worker has now.", "actor", ("topic", "client")
)
ACTOR_FAILURES = _counter("actor_failures_total", "failures", "Actors that failed, by what they are.", "actor", _ACTORS)
ACTOR_RESTARTS = _counter("actor_restarts_total", "restarts", "Actors that were started again.", "actor", _ACTORS)
ACTOR_GIVEN_UP = _counter(
    "actor_given_up_total", "actors", "Actors that failed too often within their period.", "actor", _ACTORS
)
ACTOR_DEAD_LETTERS = _counter(
    "actor_dead_letters_total", "messages", "Messages that no actor could handle.", "reason", _DEAD_LETTERS
)
ACTOR_MAILBOX_DEPTH = _gauge(
    "actor_mailbox_depth",
    "messages",
    "What waits in the deepest mailbox.",
    "actor",
    ("topic", "client"),
    Across.HIGHEST,
)
ACTOR_MAILBOX_HIGH_WATER = _gauge(
    "actor_mailbox_high_water",
    "messages",
    "The most that ever waited in a mailbox of those that run now.",
    "actor",
    ("topic", "client"),
    Across.HIGHEST,
)
ACTOR_MAILBOX_WAIT = _histogram(
    "actor_mailbox_wait_seconds",
    "How long a message waited in a mailbox; what the short cut handed over did not wait.",
    "actor",
    ("topic", "client"),
)
BUS_PUBLISH = _histogram("bus_publish_seconds", "What the bus took to store a message.", "bus", _BUSES)
BUS_ERRORS = _counter("bus_errors_total", "errors", "Publishes that failed because of the bus.", "bus", _BUSES)
BUS_REFUSED = _counter(
    "bus_refused_total",
    "publishes",
    "Publishes that a topic had no room for: its mailbox is full, it is in quarantine, or limits.topics is reached.",
    "bus",
    _BUSES,
)
BUS_UP = _gauge("bus_up", "1 or 0", "Whether the bus takes messages.", "bus", _BUSES, Across.LOWEST)
LOOP_LAG = _histogram("loop_lag_seconds", "How late the event loop comes to what is due.")
STATSD_ERRORS = _counter(
    "statsd_errors_total", "flushes", "Flushes that did not reach a StatsD daemon, as far as can be known."
)

CATALOGUE: Sequence[Metric] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
