"""The exposition: read back by Prometheus' own parsers, and looked over by promtool."""

import shutil
import subprocess
from collections.abc import Iterable
from functools import partial

import pytest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from actors.histogram import BOUNDS_S
from actors.meter import Meter
from actors.metrics import (
    BUS_PUBLISH,
    BUS_UP,
    CATALOGUE,
    LOOP_LAG,
    OTHER,
    WS_AUTH_FAILURES,
    WS_CONNECTED,
    WS_CONNECTIONS,
    Kind,
    Metric,
)
from server.metrics.prometheus import expose

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def _busy() -> Meter:
    """A meter that has something of everything, "other" included."""
    meter = Meter()
    for number, metric in enumerate(CATALOGUE):
        for value in metric.series:
            if metric.kind is Kind.COUNTER:
                meter.add(metric, number, value)
            elif metric.kind is Kind.HISTOGRAM:
                meter.observe(metric, number * 0.01, number, value)
        if metric.kind is Kind.GAUGE:
            meter.watch(metric, partial(dict.fromkeys, metric.series, 1.0))
    return meter


def _text(meter: Meter, accept: str = "") -> str:
    return expose(meter, accept).body.decode()


def _samples(families: Iterable[Family]) -> dict[tuple[str, ...], float]:
    """Values by name and label values."""
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_counters_are_named_as_in_the_catalogue_and_begin_at_zero() -> None:
    samples = _samples(parse_text(_text(Meter())))
    for metric in CATALOGUE:
        if metric.kind is Kind.COUNTER:
            assert all(samples[metric.name, value] == 0 for value in metric.values)
    assert samples["ws_connected_total",] == 0


def test_counts_stand_behind_their_label_values() -> None:
    meter = Meter()
    meter.add(WS_CONNECTED, 7)
    meter.add(WS_AUTH_FAILURES, 2, "expired")
    samples = _samples(parse_text(_text(meter)))
    assert samples["ws_connected_total",] == 7
    assert (samples["ws_auth_failures_total", "expired"], samples["ws_auth_failures_total", "issuer"]) == (2, 0)


def test_other_is_shown_once_something_was_counted_under_it() -> None:
    meter = Meter()
    assert f'"{OTHER}"' not in _text(meter)
    meter.add(WS_AUTH_FAILURES, 1, "never heard of")
    meter.observe(BUS_PUBLISH, 0.001, label="pigeons")
    samples = _samples(parse_text(_text(meter)))
    assert samples["ws_auth_failures_total", OTHER] == 1
    assert samples["bus_publish_seconds_count", OTHER] == 1


def test_gauges_are_those_that_somebody_reads() -> None:
    meter = Meter()
    meter.watch(WS_CONNECTIONS, lambda: 12)
    meter.watch(BUS_UP, lambda: {"memory": 1})
    samples = _samples(parse_text(_text(meter)))
    assert (samples["ws_connections",], samples["bus_up", "memory"]) == (12, 1)
    assert "ws_mailbox_depth" not in _text(meter)


def test_histograms_are_cumulative_and_end_in_everything() -> None:
    meter = Meter()
    for seconds in (0.0, 0.001, 0.0012, 0.0012, 500.0):
        meter.observe(LOOP_LAG, seconds)
    samples = _samples(parse_text(_text(meter)))
    buckets = [samples["loop_lag_seconds_bucket", str(bound)] for bound in BOUNDS_S]
    assert buckets == sorted(buckets)
    named = {bound: samples["loop_lag_seconds_bucket", bound] for bound in ("1e-05", "0.001", "0.0015", "70.0", "+Inf")}
    assert named == {"1e-05": 1, "0.001": 2, "0.0015": 4, "70.0": 4, "+Inf": 5}
    assert samples["loop_lag_seconds_count",] == 5
    assert samples["loop_lag_seconds_sum",] == pytest.approx(500.0034)


def test_both_formats_say_the_same() -> None:
    meter = _busy()
    text, openmetrics = _samples(parse_text(_text(meter))), _samples(parse_openmetrics(_text(meter, OPENMETRICS)))
    assert text == openmetrics
    assert len(text) > 500


def test_openmetrics_knows_the_units_of_measure() -> None:
    units = {family.name: family.unit for family in parse_openmetrics(_text(_busy(), OPENMETRICS))}
    assert (units["loop_lag_seconds"], units["ws_sent_bytes"]) == ("seconds", "bytes")
    assert {unit for name, unit in units.items() if not name.endswith(("_seconds", "_bytes"))} == {""}


def test_a_name_that_does_not_end_in_its_unit_is_left_as_it_is() -> None:
    odd = Metric("ws_frame_size", Kind.GAUGE, "bytes", "For this test.")
    meter = Meter([odd])
    meter.watch(odd, lambda: 7)
    body = expose(meter, OPENMETRICS, [odd]).body.decode()
    assert body.splitlines() == [
        "# HELP ws_frame_size For this test.",
        "# TYPE ws_frame_size gauge",
        "ws_frame_size 7.0",
        "# EOF",
    ]


def test_what_prometheus_itself_asks_for_is_answered_in_openmetrics() -> None:
    accept = (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    )
    exposition = expose(_busy(), accept)
    assert exposition.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert _samples(parse_openmetrics(exposition.body.decode()))


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/html,application/xhtml+xml",
        "application/openmetrics-text;version=x",
        "application/openmetrics-text; version = 9.9.9",
        "application/openmetrics-text;version=" + "1" * 5000,
        "text/plain;version=\xb2",
        ";;;,,,==",
    ],
)
def test_an_accept_header_that_makes_no_sense_gets_the_text_format(accept: str) -> None:
    exposition = expose(Meter(), accept)
    assert exposition.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert exposition.body.startswith(b"# HELP ws_connected_total ")


@pytest.mark.slow
@pytest.mark.parametrize("meter", [Meter(), _busy()], ids=["fresh", "busy"])
def test_promtool_has_nothing_to_object(meter: Meter) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing; install the Debian package prometheus (make test does)"
    body = expose(meter).body
    checked = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, timeout=60, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
