"""The mapping of statsd_exporter: what arrives as StatsD gets the names and labels that ``/metrics`` has. Pure."""

from collections.abc import Iterator

from actors.metrics import CATALOGUE, Kind, Metric

__all__ = ["statsd_mapping"]

_HEAD = """\
# For statsd_exporter, in front of a Prometheus that cannot reach the gateway: StatsD names become those of /metrics.
# Written by `make generated` from the catalogue; for another statsd.prefix than "fanwire", replace that word.
#
# Percentiles cannot become buckets again: they are gauges in milliseconds, one per interval of the gateway.

mappings:
"""


def statsd_mapping() -> str:
    return _HEAD + "\n".join(entry for metric in CATALOGUE for entry in _entries(metric))


def _entries(metric: Metric) -> Iterator[str]:
    stem = f"fanwire.{metric.statsd_name}" + (".*" if metric.label else "")
    labels = {metric.label: "$1"} if metric.label else {}
    if metric.kind is not Kind.HISTOGRAM:
        yield _entry(stem, metric.kind, metric.name, labels)
        return
    yield _entry(f"{stem}.count", Kind.COUNTER, f"{metric.name}_count", labels)
    for percent in (50, 95, 99):
        name = metric.name.removesuffix("_seconds") + "_milliseconds"
        yield _entry(f"{stem}.p{percent}", Kind.GAUGE, name, {**labels, "quantile": f"{percent / 100}"})


def _entry(match: str, kind: Kind, name: str, labels: dict[str, str]) -> str:
    lines = [f'  - match: "{match}"', f"    match_metric_type: {kind}", f'    name: "{name}"']
    if labels:
        lines += ["    labels:", *(f'      {label}: "{value}"' for label, value in labels.items())]
    return "\n".join(lines) + "\n"
