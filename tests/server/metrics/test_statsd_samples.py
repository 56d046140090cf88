"""From the meter's readings to named values."""

from collections.abc import Mapping

import pytest

from actors.histogram import percentile
from actors.meter import Meter
from actors.metrics import CATALOGUE, Kind, Metric
from server.metrics.statsd_samples import Sample, Totals, samples, totals_of

SEEN = Metric("ws_seen_total", Kind.COUNTER, "frames", "")
ENDED = Metric("ws_ended_total", Kind.COUNTER, "connections", "", "code", ("1000", "a b:c|d@e#f.g/h,ü"))
OPEN = Metric("ws_open", Kind.GAUGE, "connections", "")
RUNNING = Metric("actor_running", Kind.GAUGE, "actors", "", "actor", ("topic",))
TOOK = Metric("bus_took_seconds", Kind.HISTOGRAM, "seconds", "", "bus", ("memory",))
METRICS = (SEEN, ENDED, OPEN, RUNNING, TOOK)


def changes(
    meter: Meter,
    told: Totals | None = None,
    gauges: Mapping[Metric, Mapping[str, float]] | None = None,
    *,
    tags: bool = False,
    everything: bool = False,
) -> list[Sample]:
    now = totals_of(meter, METRICS)
    return list(samples(told or Totals(), now, gauges or {}, tags=tags, everything=everything))


def test_a_counter_is_told_as_its_growth() -> None:
    meter = Meter(METRICS)
    meter.add(SEEN, 5)
    told = totals_of(meter, METRICS)
    meter.add(SEEN, 2)
    assert changes(meter, told) == [Sample("ws.seen", Kind.COUNTER, 2)]


def test_a_counter_that_did_not_grow_is_left_out() -> None:
    assert changes(Meter(METRICS)) == []


def test_everything_has_counters_of_zero_and_no_percentiles() -> None:
    meter = Meter(METRICS)
    told = totals_of(meter, METRICS)
    found = changes(meter, told, everything=True)
    assert found == changes(meter, everything=True)
    assert {sample.name: sample.value for sample in found} == dict.fromkeys(
        [
            *("ws.seen", "ws.ended.1000", "ws.ended.a_b_c_d_e_f_g_h__", "ws.ended.other"),
            *("bus.took.memory.count", "bus.took.other.count"),
        ],
        0,
    )


def test_totals_are_a_copy_that_the_meter_leaves_alone() -> None:
    meter = Meter(METRICS)
    told = totals_of(meter, METRICS)
    meter.add(SEEN)
    meter.observe(TOOK, 0.001, label="memory")
    assert told == totals_of(Meter(METRICS), METRICS)


def test_a_gauge_is_told_as_it_is_also_when_it_is_zero() -> None:
    gauges = {OPEN: {"": 0}, RUNNING: {"topic": 7, "other": -1.5}}
    assert changes(Meter(METRICS), gauges=gauges) == [
        Sample("ws.open", Kind.GAUGE, 0),
        Sample("actor.running.topic", Kind.GAUGE, 7),
        Sample("actor.running.other", Kind.GAUGE, -1.5),
    ]


def test_percentiles_are_milliseconds_of_what_came_since_the_last_time() -> None:
    meter = Meter(METRICS)
    meter.observe(TOOK, 60.0, times=1000, label="memory")
    told = totals_of(meter, METRICS)
    meter.observe(TOOK, 0.002, times=99, label="memory")
    meter.observe(TOOK, 1.0, label="memory")
    found = {sample.name: sample for sample in changes(meter, told)}
    assert found.pop("bus.took.memory.count") == Sample("bus.took.memory.count", Kind.COUNTER, 100)
    assert {name: sample.value for name, sample in found.items()} == {
        # 2 ms lie in the bucket above 1.5 ms: the 99 in it are taken to lie evenly.
        "bus.took.memory.p50": pytest.approx(1.5 + 0.5 * 50 / 99, abs=0.001),
        "bus.took.memory.p95": pytest.approx(1.5 + 0.5 * 95 / 99, abs=0.001),
        "bus.took.memory.p99": pytest.approx(2.0),
    }
    assert {sample.kind for sample in found.values()} == {Kind.GAUGE}


def test_percentiles_are_those_of_the_histogram_module() -> None:
    meter = Meter(METRICS)
    meter.observe(TOOK, 0.000_02, times=3, label="memory")
    value = percentile(meter.histograms(TOOK)["memory"].counts, 0.5)
    assert value is not None
    assert Sample("bus.took.memory.p50", Kind.GAUGE, round(value * 1000, 3)) in changes(meter)


def test_a_label_is_a_tag_where_tags_are_wanted() -> None:
    meter = Meter(METRICS)
    meter.add(ENDED, label="1000")
    meter.add(ENDED, label="a b:c|d@e#f.g/h,ü")
    meter.add(SEEN)
    meter.observe(TOOK, 0.001, label="memory")
    found = changes(meter, tags=True)
    assert found[:3] == [
        Sample("ws.seen", Kind.COUNTER, 1),
        Sample("ws.ended", Kind.COUNTER, 1, "code:1000"),
        Sample("ws.ended", Kind.COUNTER, 1, "code:a_b_c_d_e_f_g_h__"),
    ]
    assert [(sample.name, sample.tag) for sample in found[3:]] == [
        (f"bus.took.{part}", "bus:memory") for part in ("count", "p50", "p95", "p99")
    ]


def test_no_two_series_of_the_catalogue_share_a_name() -> None:
    meter = Meter()
    gauges = {metric: dict.fromkeys(metric.series, 1.0) for metric in CATALOGUE if metric.kind is Kind.GAUGE}
    for metric in CATALOGUE:
        if metric.kind is Kind.HISTOGRAM:
            for value in metric.series:
                meter.observe(metric, 0.001, label=value)
    for tags in (False, True):
        found = list(samples(Totals(), totals_of(meter), gauges, tags=tags, everything=True))
        assert len({(sample.name, sample.tag) for sample in found}) == len(found)
