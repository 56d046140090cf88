"""The meter as JSON: names, labels and buckets."""

from actors.histogram import BOUNDS_S
from actors.meter import Meter
from actors.metrics import BUS_UP, CATALOGUE, WS_CONNECTED, WS_DROPPED_MESSAGES, WS_FANOUT, Kind
from server.ops.measures import measures_of


def test_every_counter_and_histogram_is_there_from_the_start() -> None:
    measures = measures_of(Meter())
    for kind, part in ((Kind.COUNTER, "counters"), (Kind.HISTOGRAM, "histograms")):
        assert list(measures[part]) == [metric.name for metric in CATALOGUE if metric.kind is kind]  # type: ignore[call-overload]
    assert measures["gauges"] == {}, "nobody reads a gauge here"


def test_a_value_stands_alone_or_with_its_label() -> None:
    meter = Meter()
    meter.add(WS_CONNECTED, 3)
    meter.add(WS_DROPPED_MESSAGES, 2, "latest")
    meter.watch(BUS_UP, lambda: {"memory": 1.0})
    measures = measures_of(meter)
    counters, gauges = measures["counters"], measures["gauges"]
    assert counters["ws_connected_total"] == 3
    assert counters["ws_dropped_messages_total"]["latest"] == 2
    assert "other" not in counters["ws_dropped_messages_total"]
    assert gauges == {"bus_up": {"memory": 1.0}}
    meter.add(WS_DROPPED_MESSAGES, 1, "a policy of tomorrow")
    assert measures_of(meter)["counters"]["ws_dropped_messages_total"]["other"] == 1


def test_a_histogram_has_one_count_more_than_there_are_bounds() -> None:
    meter = Meter()
    meter.observe(WS_FANOUT, 0.002, times=4)
    measures = measures_of(meter)
    fanout = measures["histograms"]["ws_fanout_seconds"]
    assert measures["bounds_s"] == BOUNDS_S
    assert len(fanout["counts"]) == len(BOUNDS_S) + 1
    assert (fanout["counts"][BOUNDS_S.index(0.002)], fanout["count"]) == (4, 4)
