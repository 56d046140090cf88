"""The meter: what actors count, in process. Reporters read it; counting never waits, sends or fails."""

from collections.abc import Callable, Mapping, Sequence

from actors.histogram import Histogram
from actors.metrics import CATALOGUE, OTHER, Kind, Metric

__all__ = ["Meter", "Reading"]

Reading = float | Mapping[str, float]
"""A gauge's value, or one for each of its label's values."""


class Meter:
    """Owns every counter and histogram of one worker, from zero on for each series of the catalogue."""

    __slots__ = ("_counts", "_gauges", "_histograms")

    def __init__(self, catalogue: Sequence[Metric] = CATALOGUE) -> None:
        self._counts: dict[Metric, dict[str, int]] = {
            metric: dict.fromkeys(metric.series, 0) for metric in catalogue if metric.kind is Kind.COUNTER
        }
        self._histograms: dict[Metric, dict[str, Histogram]] = {
            metric: {value: Histogram() for value in metric.series}
            for metric in catalogue
            if metric.kind is Kind.HISTOGRAM
        }
        self._gauges: dict[Metric, Callable[[], Reading]] = {}

    def add(self, counter: Metric, amount: int = 1, label: str = "") -> None:
        """Two look-ups: once for a round of fan-out, never for each delivery."""
        counts = self._counts[counter]
        counts[label if label in counts else OTHER] += amount

    def observe(self, histogram: Metric, seconds: float, times: int = 1, label: str = "") -> None:
        series = self._histograms[histogram]
        series[label if label in series else OTHER].observe(seconds, times)

    def watch(self, gauge: Metric, read: Callable[[], Reading]) -> None:
        """Ask ``read`` for the gauge's value whenever somebody wants to know it."""
        self._gauges[gauge] = read

    def counts(self, counter: Metric) -> Mapping[str, int]:
        """What was counted so far, by the label's value ("" where there is no label)."""
        return self._counts[counter]

    def histograms(self, histogram: Metric) -> Mapping[str, Histogram]:
        return self._histograms[histogram]

    def gauges(self, gauge: Metric) -> Mapping[str, float]:
        """The values of now; empty where nobody reads that gauge in this worker."""
        read = self._gauges.get(gauge)
        if read is None:
            return {}
        value = read()
        return value if isinstance(value, Mapping) else {"": value}
