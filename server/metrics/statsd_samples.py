"""What a StatsD daemon is to be told: the meter's readings as named values, counters as their growth. Pure.

Names: ``<area>.<noun>``, then the label's value as one more part, or as a DogStatsD tag where tags are wanted.
A histogram becomes a counter (``.count``) and gauges in milliseconds (``.p50``, ``.p95``, ``.p99``).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import sub
from typing import NamedTuple

from actors.histogram import percentile
from actors.meter import Meter
from actors.metrics import CATALOGUE, Kind, Metric

__all__ = ["Sample", "Totals", "samples", "totals_of"]

_SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
# Daemons split at : | @ # , and white space, Graphite at dots, collectd's identifiers at slashes.
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


class Sample(NamedTuple):
    """One line to be: ``kind`` is COUNTER (``value`` is added) or GAUGE; ``tag`` is ``label:value`` or empty."""

    name: str
    kind: Kind
    value: float
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Everything that was counted up to one moment, by metric and label value; a histogram is its buckets."""

    counts: Mapping[Metric, Mapping[str, int]] = field(default_factory=dict)
    buckets: Mapping[Metric, Mapping[str, Sequence[int]]] = field(default_factory=dict)


def totals_of(meter: Meter, catalogue: Sequence[Metric] = CATALOGUE) -> Totals:
    """A copy that the meter does not change any more."""
    return Totals(
        {metric: dict(meter.counts(metric)) for metric in catalogue if metric.kind is Kind.COUNTER},
        {
            metric: {value: tuple(histogram.counts) for value, histogram in meter.histograms(metric).items()}
            for metric in catalogue
            if metric.kind is Kind.HISTOGRAM
        },
    )


def samples(
    told: Totals, now: Totals, gauges: Mapping[Metric, Mapping[str, float]], *, tags: bool, everything: bool
) -> Iterator[Sample]:
    """What happened between ``told`` and ``now``, and the gauges' values.

    A counter that did not grow is left out unless ``everything`` is asked for. Percentiles are those of the
    observations since ``told``; where there are none, they are left out even then.
    """
    for metric, counts in now.counts.items():
        before = told.counts.get(metric, {})
        for value, count in counts.items():
            yield from _growth(_Series(metric, value, tags), "", count - before.get(value, 0), everything)
    for gauge, readings in gauges.items():
        for value, reading in readings.items():
            yield _Series(gauge, value, tags).sample("", Kind.GAUGE, reading)
    for metric, histograms in now.buckets.items():
        earlier = told.buckets.get(metric, {})
        for value, buckets in histograms.items():
            yield from _distribution(_Series(metric, value, tags), earlier.get(value), buckets, everything)


class _Series(NamedTuple):
    metric: Metric
    value: str
    tags: bool

    def sample(self, part: str, kind: Kind, value: float) -> Sample:
        """``part`` is what comes behind the name, its dot included."""
        label = _UNSAFE.sub("_", self.value)
        if not label:
            return Sample(self.metric.statsd_name + part, kind, value)
        if self.tags:
            return Sample(self.metric.statsd_name + part, kind, value, f"{self.metric.label}:{label}")
        return Sample(f"{self.metric.statsd_name}.{label}{part}", kind, value)


def _growth(series: _Series, part: str, growth: int, everything: bool) -> Iterator[Sample]:
    if growth or everything:
        yield series.sample(part, Kind.COUNTER, growth)


def _distribution(
    series: _Series, earlier: Sequence[int] | None, buckets: Sequence[int], everything: bool
) -> Iterator[Sample]:
    if buckets == earlier:
        yield from _growth(series, ".count", 0, everything)
        return
    observed = list(map(sub, buckets, earlier)) if earlier else buckets
    yield from _growth(series, ".count", sum(observed), everything)
    for name, share in _SHARES.items():
        seconds = percentile(observed, share)
        if seconds is not None:
            yield series.sample(f".{name}", Kind.GAUGE, round(seconds * 1000.0, 3))
