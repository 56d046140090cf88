"""The meter as JSON: every counter, gauge and histogram of the catalogue. Owns nothing."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from actors.histogram import BOUNDS_S, Histogram
from actors.meter import Meter
from actors.metrics import CATALOGUE, OTHER, Kind, Metric

__all__ = ["measures_of"]

Value = TypeVar("Value")


def measures_of(meter: Meter, catalogue: Sequence[Metric] = CATALOGUE) -> dict[str, object]:
    """``counters``, ``gauges`` and ``histograms`` by the name that Prometheus sees.

    A value, or one for each value of the metric's label; "other" is there once something was counted under it.
    ``bounds_s`` are the upper bounds of all histograms' buckets but the last, which has none.
    """
    by_kind = {kind: [metric for metric in catalogue if metric.kind is kind] for kind in Kind}
    counters = {metric.name: _by_label(metric, meter.counts(metric)) for metric in by_kind[Kind.COUNTER]}
    gauges = {metric.name: meter.gauges(metric) for metric in by_kind[Kind.GAUGE]}
    histograms = {metric.name: _buckets(metric, meter.histograms(metric)) for metric in by_kind[Kind.HISTOGRAM]}
    read = {metric.name: metric for metric in by_kind[Kind.GAUGE] if gauges[metric.name]}
    return {
        "counters": counters,
        "gauges": {name: _by_label(metric, gauges[name]) for name, metric in read.items()},
        "bounds_s": BOUNDS_S,
        "histograms": histograms,
    }


def _by_label(metric: Metric, series: Mapping[str, Value]) -> object:
    if metric.label is None:
        return series[""]
    return {label: value for label, value in series.items() if label != OTHER or value}


def _buckets(metric: Metric, series: Mapping[str, Histogram]) -> object:
    counted = {
        label: {"counts": histogram.counts, "count": histogram.count, "total_s": histogram.total_s}
        for label, histogram in series.items()
        if label != OTHER or histogram.count
    }
    return _by_label(metric, counted)
