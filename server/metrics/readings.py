"""Readings: everything that one worker counted, as a value that can be sent and added to its siblings'. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors.histogram import BOUNDS_S, Histogram
from actors.meter import Meter
from actors.metrics import CATALOGUE, Across, Kind, Metric

__all__ = ["Readings"]

_BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in CATALOGUE}
_ACROSS: Mapping[Across, Callable[[Iterable[float]], float]] = {
    Across.SUM: sum,
    Across.HIGHEST: max,
    Across.LOWEST: min,
}


@dataclass(frozen=True, slots=True)
class Readings:
    """By metric, then by the label's value. As a source of ``/metrics`` it stands in for a meter."""

    counted: Mapping[Metric, Mapping[str, int]] = field(default_factory=dict)
    measured: Mapping[Metric, Mapping[str, float]] = field(default_factory=dict)
    observed: Mapping[Metric, Mapping[str, Histogram]] = field(default_factory=dict)

    @classmethod
    def of(cls, meter: Meter) -> "Readings":
        """A copy of what ``meter`` has now."""
        return cls(
            {metric: dict(meter.counts(metric)) for metric in _of_kind(Kind.COUNTER)},
            {metric: dict(values) for metric in _of_kind(Kind.GAUGE) if (values := meter.gauges(metric))},
            {metric: _added([meter.histograms(metric)]) for metric in _of_kind(Kind.HISTOGRAM)},
        )

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Readings":
        """What ``as_data`` made, perhaps in another release: what this one does not know is left out."""
        known = {_BY_NAME[name]: values for name, values in data.items() if name in _BY_NAME}
        return cls(
            {metric: dict(values) for metric, values in known.items() if metric.kind is Kind.COUNTER},
            {metric: dict(values) for metric, values in known.items() if metric.kind is Kind.GAUGE},
            {metric: _histograms_from(values) for metric, values in known.items() if metric.kind is Kind.HISTOGRAM},
        )

    @classmethod
    def together(cls, parts: Sequence["Readings"]) -> "Readings":
        """Counters and histograms added up, gauges as the catalogue says."""
        return cls(
            {metric: _sums([part.counts(metric) for part in parts]) for metric in _of_kind(Kind.COUNTER)},
            {metric: _gauge(metric, [part.gauges(metric) for part in parts]) for metric in _of_kind(Kind.GAUGE)},
            {metric: _added([part.histograms(metric) for part in parts]) for metric in _of_kind(Kind.HISTOGRAM)},
        )

    def as_data(self) -> dict[str, Any]:
        """``{metric: {label value: number}}``; a histogram is ``{"counts": […], "total_s": …}``."""
        histograms = {
            metric.name: {label: {"counts": one.counts, "total_s": one.total_s} for label, one in values.items()}
            for metric, values in self.observed.items()
        }
        plain = {metric.name: values for source in (self.counted, self.measured) for metric, values in source.items()}
        return {**plain, **histograms}

    def without_gauges(self) -> "Readings":
        """What stays true of a worker that is gone, or does not answer."""
        return Readings(self.counted, {}, self.observed)

    def counts(self, counter: Metric) -> Mapping[str, int]:
        return self.counted.get(counter, {})

    def gauges(self, gauge: Metric) -> Mapping[str, float]:
        return self.measured.get(gauge, {})

    def histograms(self, histogram: Metric) -> Mapping[str, Histogram]:
        return self.observed.get(histogram, {})


def _of_kind(kind: Kind) -> Sequence[Metric]:
    return [metric for metric in CATALOGUE if metric.kind is kind]


def _sums(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for part in parts:
        for label, number in part.items():
            sums[label] = sums.get(label, 0) + number
    return sums


def _gauge(metric: Metric, parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    labels = dict.fromkeys(label for part in parts for label in part)
    join = _ACROSS[metric.across]
    return {label: join(part[label] for part in parts if label in part) for label in labels}


def _added(parts: Sequence[Mapping[str, Histogram]]) -> dict[str, Histogram]:
    """New histograms, which nobody else changes."""
    sums: dict[str, Histogram] = {}
    for part in parts:
        for label, histogram in part.items():
            into = sums.setdefault(label, Histogram())
            into.counts = [mine + its for mine, its in zip(into.counts, histogram.counts, strict=True)]
            into.count += histogram.count
            into.total_s += histogram.total_s
    return sums


def _histograms_from(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Histogram]:
    return {label: _histogram_from(one) for label, one in values.items() if len(one["counts"]) == len(BOUNDS_S) + 1}


def _histogram_from(data: Mapping[str, Any]) -> Histogram:
    histogram = Histogram()
    histogram.counts, histogram.total_s = list(data["counts"]), float(data["total_s"])
    histogram.count = sum(histogram.counts)
    return histogram
