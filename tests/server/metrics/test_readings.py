"""What workers counted, sent and added up."""

import json

from actors.meter import Meter
from actors.metrics import (
    ACTOR_MAILBOX_DEPTH,
    BUS_UP,
    CATALOGUE,
    LOOP_LAG,
    OTHER,
    WS_CONNECTED,
    WS_CONNECTIONS,
    WS_DISCONNECTED,
    Kind,
)
from server.metrics.prometheus import expose, worker_families
from server.metrics.readings import Readings


def _meter(connected: int, open_now: int, deepest: int, bus_up: int) -> Meter:
    meter = Meter()
    meter.add(WS_CONNECTED, connected)
    meter.add(WS_DISCONNECTED, connected, "1001")
    meter.observe(LOOP_LAG, 0.002, connected)
    meter.watch(WS_CONNECTIONS, lambda: open_now)
    meter.watch(ACTOR_MAILBOX_DEPTH, lambda: {"topic": deepest})
    meter.watch(BUS_UP, lambda: {"redis": bus_up})
    return meter


def _sent(readings: Readings) -> Readings:
    return Readings.from_data(json.loads(json.dumps(readings.as_data())))


def test_what_is_sent_arrives() -> None:
    meter = _meter(3, 2, 7, 1)
    assert expose(_sent(Readings.of(meter))) == expose(meter)


def test_counters_and_histograms_add_up_and_gauges_do_what_they_mean() -> None:
    parts = [_sent(Readings.of(_meter(3, 2, 7, 1))), _sent(Readings.of(_meter(4, 5, 1, 0)))]
    together = Readings.together(parts)
    assert together.counts(WS_CONNECTED) == {"": 7}
    assert together.counts(WS_DISCONNECTED)["1001"] == 7
    assert together.gauges(WS_CONNECTIONS) == {"": 7}
    assert together.gauges(ACTOR_MAILBOX_DEPTH) == {"topic": 7}
    assert together.gauges(BUS_UP) == {"redis": 0}
    lag = together.histograms(LOOP_LAG)[""]
    assert (lag.count, sum(lag.counts), round(lag.total_s, 6)) == (7, 7, 0.014)


def test_adding_changes_none_of_the_parts() -> None:
    part = Readings.of(_meter(3, 2, 7, 1))
    before = json.dumps(part.as_data())
    Readings.together([part, part])
    assert json.dumps(part.as_data()) == before


def test_who_is_gone_leaves_what_was_counted_and_no_gauge() -> None:
    together = Readings.together([Readings.of(_meter(3, 2, 7, 1)).without_gauges()])
    assert together.counts(WS_CONNECTED) == {"": 3}
    assert together.gauges(WS_CONNECTIONS) == {}


def test_nothing_together_is_a_page_without_numbers() -> None:
    assert Readings.together([]).counts(WS_CONNECTED) == {}


def test_another_releases_metrics_and_buckets_are_left_out() -> None:
    data = {"ws_unheard_of_total": {"": 1}, "loop_lag_seconds": {"": {"counts": [1, 2], "total_s": 1.0}}}
    assert Readings.from_data(data).histograms(LOOP_LAG) == {}


def test_every_metric_of_the_catalogue_is_sent() -> None:
    kinds = {metric.name for metric in CATALOGUE if metric.kind is not Kind.GAUGE}
    assert kinds <= set(Readings.of(Meter()).as_data())


def test_what_a_meter_counts_later_does_not_change_a_reading() -> None:
    meter = _meter(1, 1, 1, 1)
    reading = Readings.of(meter)
    meter.add(WS_DISCONNECTED, 5, "nonsense")
    meter.observe(LOOP_LAG, 1.0)
    assert reading.counts(WS_DISCONNECTED)[OTHER] == 0
    assert reading.histograms(LOOP_LAG)[""].count == 1


def test_the_page_says_which_workers_answered() -> None:
    page = expose(Meter(), also=worker_families({1: True, 2: False}, 4)).body.decode()
    for line in ('worker_up{worker="1"} 1.0', 'worker_up{worker="2"} 0.0', "worker_restarts_total 4.0"):
        assert line in page
