"""The catalogue: names that both kinds of reporters can have, and labels that the code has no other values for."""

import re
from typing import get_args

import pytest

from actors import metrics
from actors.histogram import Histogram
from actors.metrics import CATALOGUE, OTHER, Kind, Metric
from actors.protocol.codes import CloseCode
from actors.runtime.overflow import OverflowPolicy
from server.token_claims import RefusalReason

EVERY = pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)


def test_every_metric_of_the_module_is_in_the_catalogue_once_and_has_a_public_name() -> None:
    public = [value for name in metrics.__all__ if isinstance(value := getattr(metrics, name), Metric)]
    assert set(CATALOGUE) == set(public)
    assert len(CATALOGUE) == len(public)


def test_no_two_metrics_have_one_name_in_either_world() -> None:
    for names in ([metric.name for metric in CATALOGUE], [metric.statsd_name for metric in CATALOGUE]):
        assert len(set(names)) == len(names)


def test_no_series_of_prometheus_is_another_metrics() -> None:
    taken = {metric.name + part for metric in CATALOGUE for part in ("", "_bucket", "_sum", "_count")}
    assert len(taken) == 4 * len(CATALOGUE)


@EVERY
def test_a_prometheus_name_is_legal_and_ends_as_its_kind_and_unit_do(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
    assert metric.name.endswith("_seconds") is (metric.unit == "seconds")


@EVERY
def test_a_statsd_name_is_an_area_and_a_noun(metric: Metric) -> None:
    assert re.fullmatch(r"(ws|actor|bus|loop|statsd)\.[a-z_]+", metric.statsd_name)


@pytest.mark.parametrize(
    ("metric", "statsd_name"),
    [
        (metrics.WS_CONNECTED, "ws.connected"),
        (metrics.WS_SENT_BYTES, "ws.sent_bytes"),
        (metrics.ACTOR_RESTARTS, "actor.restarts"),
        (metrics.LOOP_LAG, "loop.lag"),
        (metrics.WS_MAILBOX_DEPTH, "ws.mailbox_depth"),
    ],
)
def test_statsd_names_are_those_that_dashboards_were_promised(metric: Metric, statsd_name: str) -> None:
    assert metric.statsd_name == statsd_name


@EVERY
def test_unit_and_help_are_there_and_help_is_a_sentence(metric: Metric) -> None:
    assert metric.unit
    assert re.fullmatch(r"[A-Z][^\n|]+\.", metric.help)
    assert metric.unit == "seconds" or metric.kind is not Kind.HISTOGRAM


@EVERY
def test_a_label_has_values_that_can_be_part_of_a_name_and_never_a_percentiles(metric: Metric) -> None:
    assert bool(metric.label) == bool(metric.values)
    assert len(set(metric.series)) == len(metric.series)
    for value in metric.values:
        assert re.fullmatch(r"[a-z0-9_]+", value)
        assert value not in (OTHER, "count", "p50", "p95", "p99")


@EVERY
def test_series_are_the_values_and_other_or_the_one_without_a_label(metric: Metric) -> None:
    assert list(metric.series) == ([*metric.values, OTHER] if metric.label else [""])


def test_every_close_code_of_ours_has_a_value() -> None:
    assert {str(int(code)) for code in CloseCode} <= set(metrics.WS_DISCONNECTED.values)


def test_every_overflow_policy_has_a_value() -> None:
    for metric in (metrics.WS_DROPPED_MESSAGES, metrics.WS_SLOW_EPISODES):
        assert set(metric.values) == set(OverflowPolicy)


def test_every_flaw_of_a_token_has_a_value() -> None:
    assert set(metrics.WS_AUTH_FAILURES.values) == set(get_args(RefusalReason))


def test_a_metric_is_itself_and_no_other_of_the_same_words() -> None:
    twin = Metric("ws_connections", Kind.GAUGE, "connections", "Connections that are open now.")
    assert twin != metrics.WS_CONNECTIONS
    assert len({twin: Histogram(), metrics.WS_CONNECTIONS: Histogram()}) == 2
