"""The meter: counts from zero, by label value, and gauges that are read when somebody asks."""

from collections.abc import Mapping

import pytest

from actors.meter import Meter
from actors.metrics import (
    ACTOR_RUNNING,
    CATALOGUE,
    LOOP_LAG,
    OTHER,
    WS_AUTH_FAILURES,
    WS_CONNECTED,
    WS_CONNECTIONS,
    Kind,
    Metric,
)

TIMES = Metric("test_times_seconds", Kind.HISTOGRAM, "seconds", "For these tests.", "who", ("a", "b"))


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_series_of_the_catalogue_is_there_from_the_start_at_zero(metric: Metric) -> None:
    meter = Meter()
    match metric.kind:
        case Kind.COUNTER:
            assert meter.counts(metric) == dict.fromkeys(metric.series, 0)
        case Kind.HISTOGRAM:
            assert {value: histogram.count for value, histogram in meter.histograms(metric).items()} == dict.fromkeys(
                metric.series, 0
            )
        case Kind.GAUGE:
            assert meter.gauges(metric) == {}


def test_counts_add_up_by_label_value() -> None:
    meter = Meter()
    meter.add(WS_CONNECTED)
    meter.add(WS_CONNECTED, 41)
    meter.add(WS_AUTH_FAILURES, 2, "expired")
    assert meter.counts(WS_CONNECTED) == {"": 42}
    assert (meter.counts(WS_AUTH_FAILURES)["expired"], meter.counts(WS_AUTH_FAILURES)["issuer"]) == (2, 0)


def test_a_label_value_that_the_catalogue_does_not_name_is_other_and_makes_no_series() -> None:
    meter = Meter()
    for value in ("thread:42", "", "expired "):
        meter.add(WS_AUTH_FAILURES, 1, value)
    assert meter.counts(WS_AUTH_FAILURES)[OTHER] == 3
    assert set(meter.counts(WS_AUTH_FAILURES)) == {*WS_AUTH_FAILURES.values, OTHER}


def test_observations_go_to_their_series_and_weigh_as_often_as_they_were() -> None:
    meter = Meter([TIMES])
    meter.observe(TIMES, 0.5, 3, "a")
    meter.observe(TIMES, 0.25, label="unheard of")
    (series, other) = (meter.histograms(TIMES)[value] for value in ("a", OTHER))
    assert (series.count, series.total_s) == (3, 1.5)
    assert (other.count, other.total_s) == (1, 0.25)


def test_meters_share_nothing() -> None:
    one, another = Meter(), Meter()
    one.add(WS_CONNECTED)
    one.observe(LOOP_LAG, 1.0)
    assert another.counts(WS_CONNECTED) == {"": 0}
    assert another.histograms(LOOP_LAG)[""].count == 0


def test_a_gauge_is_read_anew_each_time_somebody_asks() -> None:
    meter = Meter()
    connections = [1.0, 2.0]
    meter.watch(WS_CONNECTIONS, connections.pop)
    assert [meter.gauges(WS_CONNECTIONS), meter.gauges(WS_CONNECTIONS)] == [{"": 2.0}, {"": 1.0}]


def test_a_gauge_with_a_label_has_a_value_for_each() -> None:
    meter = Meter()
    running: Mapping[str, float] = {"topic": 7, "client": 3}
    meter.watch(ACTOR_RUNNING, lambda: running)
    assert meter.gauges(ACTOR_RUNNING) == running


def test_who_watches_last_is_asked() -> None:
    meter = Meter()
    meter.watch(WS_CONNECTIONS, lambda: 1)
    meter.watch(WS_CONNECTIONS, lambda: 2)
    assert meter.gauges(WS_CONNECTIONS) == {"": 2}


def test_what_is_not_in_the_catalogue_or_of_another_kind_cannot_be_counted() -> None:
    meter = Meter()
    with pytest.raises(KeyError):
        meter.add(LOOP_LAG)
    with pytest.raises(KeyError):
        meter.observe(TIMES, 1.0)
