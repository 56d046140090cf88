"""Draws what a delivery costs and how long the last subscriber waits, by server. Owns nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.charts import draw_bars
from bench.question import Values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_fan_out"]

_INCHES_ABOVE, _INCHES_PER_BAR = 0.9, 0.12


def draw_fan_out(figure: "Figure", rows: Sequence[Values]) -> None:
    """One column for each number of outstanding messages: above CPU by that of the floor, below p99; logarithmic."""
    depths = sorted({row["outstanding"] for row in rows})
    servers, sizes = {row["server"] for row in rows}, {row["subscribers"] for row in rows}
    figure.set_figheight(2 * (_INCHES_ABOVE + _INCHES_PER_BAR * len(servers) * (len(sizes) + 0.5)))
    axes = figure.subplots(2, len(depths), squeeze=False)
    for column, depth in enumerate(depths):
        members = [row for row in rows if row["outstanding"] == depth]
        # Without the floor there is nothing to divide by.
        has_floor = any(row["ratio"] is not None for row in members)
        label = "× CPU of a bare send loop" if has_floor else "CPU per delivery, µs"
        _draw(axes[0][column], members, "ratio" if has_floor else "cpu_us", f"{label}\n{depth} outstanding")
        if has_floor:
            axes[0][column].axvline(1.0, color="black", linewidth=0.8, linestyle=":")
        _draw(axes[1][column], members, "p99_ms", f"p99 until the last subscriber has it, ms\n{depth} outstanding")


def _draw(axes: "Axes", rows: Sequence[Values], name: str, label: str) -> None:
    bars: dict[str, dict[str, float | None]] = {}
    for row in rows:
        bars.setdefault(row["server"], {})[f"{row['subscribers']:,} subscribers"] = row[name]
    draw_bars(axes, bars, label, log=True)
