"""The table in docs/metrics.md: every metric of the catalogue, as the page shows it. Pure."""

from collections.abc import Sequence

from actors.metrics import CATALOGUE, Kind, Metric

__all__ = ["BEGIN", "END", "table", "with_table"]

BEGIN = "<!-- catalogue: written by `make generated` -->"
END = "<!-- end of catalogue -->"
_HEAD = ("Prometheus", "StatsD, below the prefix", "kind", "unit", "label", "what it says")


def with_table(page: str) -> str:
    """``page`` with the catalogue's table between its two marks. Raises: ValueError where a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/metrics.md must hold {BEGIN} and, behind it, {END}")
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def table(catalogue: Sequence[Metric] = CATALOGUE) -> str:
    rows = [_row(_HEAD), _row(["---"] * len(_HEAD)), *(_row(_cells(metric)) for metric in catalogue)]
    return "\n".join(rows) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(metric: Metric) -> Sequence[str]:
    label = "" if metric.label is None else f"`{metric.label}`: {', '.join(metric.values)}"
    return (f"`{metric.name}`", _statsd_names(metric), metric.kind, metric.unit, label, metric.help)


def _statsd_names(metric: Metric) -> str:
    name = metric.statsd_name + (f".<{metric.label}>" if metric.label else "")
    return f"`{name}` + `.count` `.p50` `.p95` `.p99`" if metric.kind is Kind.HISTOGRAM else f"`{name}`"
