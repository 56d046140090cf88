"""The meter as Prometheus reads it, in the format that the scraper asks for. Owns nothing; needs prometheus-client.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenMetrics 1.0.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from actors.histogram import BOUNDS_S, Histogram
from actors.metrics import CATALOGUE, OTHER, Kind, Metric

__all__ = ["Exposition", "MeterCollector", "Source", "expose", "worker_families"]

_BOUNDS = (*map(floatToGoString, BOUNDS_S), "+Inf")
# OpenMetrics wants the unit as the last word of the name; "connections" is a noun there, not a unit.
_UNITS = ("seconds", "bytes")
_KNOWN_VERSIONS = ("0.0.1", "0.0.4", "1.0.0")
_VERSION = re.compile(r"version\s*=([^;]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Exposition:
    """One scrape: the bytes, and the Content-Type that says which format they have."""

    content_type: str
    body: bytes


class Source(Protocol):
    """What is exposed: a meter, or the readings of several."""

    def counts(self, counter: Metric, /) -> Mapping[str, int]: ...

    def gauges(self, gauge: Metric, /) -> Mapping[str, float]: ...

    def histograms(self, histogram: Metric, /) -> Mapping[str, Histogram]: ...


def expose(
    source: Source, accept: str = "", catalogue: Sequence[Metric] = CATALOGUE, *, also: Sequence[Family] = ()
) -> Exposition:
    """All of ``catalogue`` as ``source`` has it now, and ``also`` these, as the Accept header ``accept`` prefers.

    OpenMetrics where it is asked for, else the text format, also where the header makes no sense.
    """
    registry = CollectorRegistry()
    registry.register(MeterCollector(source, catalogue, also))
    encode, content_type = choose_encoder(_readable(accept))
    return Exposition(content_type, encode(registry))


class MeterCollector(Collector):
    """One family for each metric of ``catalogue``, in its order; a gauge that nobody reads here has none.

    The label value "other" appears once something was counted under it, every other one from the start, at zero:
    a counter that appears with its first event looks to ``rate()`` as if nothing had happened.
    """

    def __init__(self, source: Source, catalogue: Sequence[Metric] = CATALOGUE, also: Sequence[Family] = ()) -> None:
        self._source = source
        self._catalogue = catalogue
        self._also = also

    def collect(self) -> Iterator[Family]:
        for metric in self._catalogue:
            family = self._family(metric)
            if family.samples:
                yield family
        yield from self._also

    def describe(self) -> Sequence[Family]:
        """Nothing: a registry would read every gauge only to compare names, and the catalogue has each once."""
        return ()

    def _family(self, metric: Metric) -> Family:
        match metric.kind:
            case Kind.COUNTER:
                return _counter(metric, self._source.counts(metric))
            case Kind.GAUGE:
                return _gauge(metric, self._source.gauges(metric))
            case Kind.HISTOGRAM:
                return _histogram(metric, self._source.histograms(metric))


def worker_families(answered: Mapping[int, bool], restarts: int) -> Sequence[Family]:
    """What only a parent process knows. Not in the catalogue: a worker by itself has no such thing."""
    up = GaugeMetricFamily("worker_up", "Whether the worker with this number answered just now.", labels=("worker",))
    for number, did in answered.items():
        up.add_metric([str(number)], float(did))
    again = CounterMetricFamily("worker_restarts", "Workers that ended by themselves and were started again.")
    again.add_metric([], restarts)
    return (up, again)


def _counter(metric: Metric, counts: Mapping[str, int]) -> Family:
    family = CounterMetricFamily(metric.name, metric.help, labels=_labels(metric), unit=_unit(metric))
    for label, count in counts.items():
        if label != OTHER or count:
            family.add_metric([label], count)
    return family


def _gauge(metric: Metric, values: Mapping[str, float]) -> Family:
    family = GaugeMetricFamily(metric.name, metric.help, labels=_labels(metric), unit=_unit(metric))
    for label, value in values.items():
        family.add_metric([label], value)
    return family


def _histogram(metric: Metric, histograms: Mapping[str, Histogram]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=_labels(metric), unit=_unit(metric))
    for label, histogram in histograms.items():
        if label != OTHER or histogram.count:
            buckets = list(zip(_BOUNDS, accumulate(histogram.counts), strict=True))
            family.add_metric([label], buckets, histogram.total_s)
    return family


def _labels(metric: Metric) -> Sequence[str]:
    # The families pair names with values: without a name, the one value "" is left out.
    return () if metric.label is None else (metric.label,)


def _unit(metric: Metric) -> str:
    stem = metric.name.removesuffix("_total")
    return metric.unit if metric.unit in _UNITS and stem.endswith(f"_{metric.unit}") else ""


def _readable(accept: str) -> str:
    """``accept`` without versions that do not exist: prometheus-client would fail on them, or claim to write them."""
    return ",".join(choice for choice in accept.split(",") if _is_readable(choice))


def _is_readable(choice: str) -> bool:
    return all(version.strip() in _KNOWN_VERSIONS for version in _VERSION.findall(choice))
