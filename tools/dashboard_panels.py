"""What both dashboards show, in the words of the catalogue; each asks its own data source for it. Pure."""

from collections.abc import Callable, Sequence
from typing import Protocol

from actors.metrics import (
    ACTOR_DEAD_LETTERS,
    ACTOR_FAILURES,
    ACTOR_GIVEN_UP,
    ACTOR_MAILBOX_DEPTH,
    ACTOR_MAILBOX_HIGH_WATER,
    ACTOR_MAILBOX_WAIT,
    ACTOR_RESTARTS,
    ACTOR_RUNNING,
    BUS_ERRORS,
    BUS_PUBLISH,
    BUS_REFUSED,
    BUS_UP,
    LOOP_LAG,
    STATSD_ERRORS,
    WS_ACK_LAG,
    WS_AUTH_FAILURES,
    WS_CONNECTED,
    WS_CONNECTIONS,
    WS_DISCONNECTED,
    WS_DROPPED_MESSAGES,
    WS_FANOUT,
    WS_MAILBOX_DEPTH,
    WS_PUBLISH_TO_SOCKET,
    WS_RECEIVED_MESSAGES,
    WS_RECOVER,
    WS_REFUSED,
    WS_REPLAYED_MESSAGES,
    WS_SENT_BYTES,
    WS_SENT_MESSAGES,
    WS_SLOW_EPISODES,
    Metric,
)
from tools.grafana import Panel, Query, Row

__all__ = ["Language", "rows"]


class Language(Protocol):
    """How a data source is asked. Where a metric has a label, there is a line for each of its values."""

    duration_unit: str

    def rate(self, counter: Metric, name: str = "") -> Query:
        """Events per second, called ``name`` where there is no label."""

    def value(self, gauge: Metric, name: str = "") -> Query:
        """A gauge, added up over gateways."""

    def highest(self, gauge: Metric) -> Query:
        """A gauge, of the gateway where it is highest."""

    def lowest(self, gauge: Metric) -> Query:
        """A gauge, of the gateway where it is lowest."""

    def percentile(self, histogram: Metric, percent: int) -> Query:
        """A duration, in ``duration_unit``."""


def rows(ask: Language) -> Sequence[Row]:
    return (
        Row("At a glance", _glance(ask)),
        Row("Connections", _connections(ask)),
        Row("Messages", _messages(ask)),
        Row("Slow clients", _slow_clients(ask)),
        Row("Actors", _actors(ask)),
        Row("Bus, event loop, reporters", _below(ask)),
    )


def _glance(ask: Language) -> Sequence[Panel]:
    a_second = 1 if ask.duration_unit == "s" else 1000
    return (
        _stat("Open connections", WS_CONNECTIONS, ask.value),
        _stat("Connects", WS_CONNECTED, ask.rate, unit="cps"),
        _stat("Delivered", WS_SENT_MESSAGES, ask.rate, unit="ops"),
        _stat(
            "Publish to socket, p99",
            WS_PUBLISH_TO_SOCKET,
            lambda histogram: ask.percentile(histogram, 99),
            unit=ask.duration_unit,
            red_above=0.5 * a_second,
        ),
        _stat(
            "Loop lag, p99",
            LOOP_LAG,
            lambda histogram: ask.percentile(histogram, 99),
            unit=ask.duration_unit,
            red_above=0.1 * a_second,
        ),
        _stat("Bus up", BUS_UP, ask.lowest, red_below=1),
    )


def _connections(ask: Language) -> Sequence[Panel]:
    return (
        _graph("Open connections", ask.value(WS_CONNECTIONS, "open"), WS_CONNECTIONS),
        _graph("Connects", ask.rate(WS_CONNECTED, "connects"), WS_CONNECTED, unit="cps"),
        _by_label("Disconnects, by close code", ask.rate(WS_DISCONNECTED), WS_DISCONNECTED, "cps"),
        _by_label("Refused connections, by reason", ask.rate(WS_REFUSED), WS_REFUSED, "cps", width=12),
        _by_label("Refused tokens, by reason", ask.rate(WS_AUTH_FAILURES), WS_AUTH_FAILURES, "cps", width=12),
    )


def _messages(ask: Language) -> Sequence[Panel]:
    return (
        _graph("Messages to sockets", ask.rate(WS_SENT_MESSAGES, "sent"), WS_SENT_MESSAGES, unit="ops"),
        _graph("Frames from clients", ask.rate(WS_RECEIVED_MESSAGES, "received"), WS_RECEIVED_MESSAGES, unit="ops"),
        _graph("Bytes to sockets", ask.rate(WS_SENT_BYTES, "sent"), WS_SENT_BYTES, unit="Bps"),
        _percentiles("From publish to socket", ask, WS_PUBLISH_TO_SOCKET),
        _percentiles("A round of fan-out", ask, WS_FANOUT),
    )


def _slow_clients(ask: Language) -> Sequence[Panel]:
    return (
        _by_label("Slow episodes, by policy", ask.rate(WS_SLOW_EPISODES), WS_SLOW_EPISODES, "ops"),
        _by_label("Messages kept from mailboxes, by policy", ask.rate(WS_DROPPED_MESSAGES), WS_DROPPED_MESSAGES, "ops"),
        _graph("Waiting for clients", ask.value(WS_MAILBOX_DEPTH, "messages"), WS_MAILBOX_DEPTH),
        _graph("Replayed messages", ask.rate(WS_REPLAYED_MESSAGES, "replayed"), WS_REPLAYED_MESSAGES, unit="ops"),
        _by_label("Subscriptions with since, by result", ask.rate(WS_RECOVER), WS_RECOVER, "ops"),
        _graph("Worst acknowledged lag", ask.highest(WS_ACK_LAG), WS_ACK_LAG, unit="s"),
    )


def _actors(ask: Language) -> Sequence[Panel]:
    return (
        _by_label("Running", ask.value(ACTOR_RUNNING), ACTOR_RUNNING, "short"),
        _by_label("Failures", ask.rate(ACTOR_FAILURES), ACTOR_FAILURES, "ops"),
        _by_label("Restarts", ask.rate(ACTOR_RESTARTS), ACTOR_RESTARTS, "ops"),
        _by_label("Given up", ask.rate(ACTOR_GIVEN_UP), ACTOR_GIVEN_UP, "ops"),
        _by_label("Dead letters, by reason", ask.rate(ACTOR_DEAD_LETTERS), ACTOR_DEAD_LETTERS, "ops"),
        _graph("Wait in a mailbox, p99", ask.percentile(ACTOR_MAILBOX_WAIT, 99), ACTOR_MAILBOX_WAIT, ask.duration_unit),
        _graph("Deepest mailbox", ask.highest(ACTOR_MAILBOX_DEPTH), ACTOR_MAILBOX_DEPTH, width=12),
        _graph("Mailbox high water", ask.highest(ACTOR_MAILBOX_HIGH_WATER), ACTOR_MAILBOX_HIGH_WATER, width=12),
    )


def _below(ask: Language) -> Sequence[Panel]:
    return (
        _graph("Bus: storing a message, p99", ask.percentile(BUS_PUBLISH, 99), BUS_PUBLISH, ask.duration_unit),
        _by_label("Publishes that the bus failed", ask.rate(BUS_ERRORS), BUS_ERRORS, "ops"),
        _by_label("Publishes without room in their topic", ask.rate(BUS_REFUSED), BUS_REFUSED, "ops"),
        _graph("Bus up", ask.lowest(BUS_UP), BUS_UP),
        _percentiles("Loop lag", ask, LOOP_LAG),
        _graph("StatsD flushes that failed", ask.rate(STATSD_ERRORS, "failed"), STATSD_ERRORS, unit="ops", width=12),
    )


def _stat(
    title: str,
    metric: Metric,
    ask: Callable[[Metric], Query],
    unit: str = "short",
    red_above: float | None = None,
    red_below: float | None = None,
) -> Panel:
    return Panel(title, metric.help, [ask(metric)], unit, "stat", 4, red_above, red_below)


def _graph(title: str, query: Query, metric: Metric, unit: str = "short", width: int = 8) -> Panel:
    return Panel(title, metric.help, [query], unit, width=width)


def _by_label(title: str, query: Query, metric: Metric, unit: str, width: int = 8) -> Panel:
    return Panel(title, metric.help, [query], unit, width=width, hide_zeros=True)


def _percentiles(title: str, ask: Language, histogram: Metric) -> Panel:
    queries = [ask.percentile(histogram, percent) for percent in (50, 95, 99)]
    return Panel(title, histogram.help, queries, ask.duration_unit, width=12)
