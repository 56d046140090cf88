"""Draws what each bus makes of a message's latency and of a delivery's CPU time. Owns nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.charts import draw_bars
from bench.question import Values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_scale"]

_HEIGHT_INCHES = 2.8


def draw_scale(figure: "Figure", rows: Sequence[Values]) -> None:
    """Beside each other: median and p99 from publish to socket by bus, and CPU per delivery by bus and workers."""
    figure.set_figheight(_HEIGHT_INCHES)
    latency, deliveries = figure.subplots(1, 2)
    times = {
        f"fanwire, {row['bus']}": {"p50": row["p50_ms"], "p99": row["p99_ms"]}
        for row in rows
        if row["kind"] == "latency"
    }
    costs: dict[str, dict[str, float | None]] = {}
    for row in rows:
        if row["kind"] == "deliveries":
            workers = "1 worker" if row["workers"] == 1 else f"{row['workers']} workers"
            costs.setdefault(f"fanwire, {row['bus']}", {})[workers] = row["cpu_us"]
    draw_bars(latency, times, "from publish to socket, ms", log=True)
    draw_bars(deliveries, costs, "gateway's CPU per delivery, µs")
