"""Draws what a client that comes back costs in CPU time and, once it is idle, in memory. Owns nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.charts import draw_bars
from bench.question import Values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_storms"]

_HEIGHT_INCHES = 2.2


def draw_storms(figure: "Figure", rows: Sequence[Values]) -> None:
    """Beside each other: CPU time, clients live per second, resident memory per connection; a bar per size."""
    figure.set_figheight(_HEIGHT_INCHES)
    panels = [("cpu_us", "CPU per reconnect, µs"), ("live_per_s", "clients live per second"), ("rss_kib", "RSS, KiB")]
    for axes, (name, label) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        bars = {f"fanwire, {row['clients']:,}": {"": row[name]} for row in rows}
        draw_bars(axes, bars, label, form="{:,.1f}" if name == "rss_kib" else "{:,.0f}")
