"""Draws what the healthy subscribers wait, by the share of stalled ones: one line per server, policy and rate.

In the grey band is what never came; (!) marks a window in which something else ran on the server's core.

Owns nothing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.charts import line_looks
from bench.stall_rows import StallRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_stalls"]

_HEIGHT_INCHES = 5.0
# How far above the slowest finite point "never" is drawn, and how far apart several are, as factors.
_NEVER_ABOVE, _NEVER_STEP = 6.0, 1.6


def draw_stalls(figure: "Figure", rows: Sequence[StallRow]) -> None:
    """The healthy p99 by the share of stalled subscribers, logarithmic."""
    figure.set_figheight(_HEIGHT_INCHES)
    axes = figure.add_subplot()
    shares = sorted({row.stalled_percent for row in rows})
    ceiling = _NEVER_ABOVE * max((row.p99_ms for row in rows if row.p99_ms), default=1.0)
    looks = line_looks(list(dict.fromkeys(row.label for row in rows)))
    for place, (label, look) in enumerate(looks.items()):
        line = sorted((row for row in rows if row.label == label), key=lambda row: row.stalled_percent)
        _draw_line(axes, line, shares, look, ceiling * _NEVER_STEP**place)
    axes.set_yscale("log")
    if any(row.p99_ms is None for row in rows):
        axes.axhspan(ceiling / 2, ceiling * _NEVER_ABOVE, color="0.92", zorder=0)
        axes.set_ylim(top=ceiling * _NEVER_ABOVE)
    axes.set_xticks(range(len(shares)), [f"{share} %" for share in shares])
    axes.set_xlabel("subscribers that have stopped reading")
    axes.set_ylabel("p99 of the healthy ones, ms from the scheduled publish")
    axes.set_title("1 KiB messages, open loop")
    axes.grid(which="both", alpha=0.25)
    axes.legend(loc="best")


def _draw_line(
    axes: "Axes", line: Sequence[StallRow], shares: Sequence[int], look: dict[str, Any], never: float
) -> None:
    places = [shares.index(row.stalled_percent) for row in line]
    heights = [never if row.p99_ms is None else row.p99_ms for row in line]
    arrived = [float("nan") if row.p99_ms is None else row.p99_ms for row in line]
    axes.plot(places, heights, **(look | {"linestyle": ":", "linewidth": 1.0}), fillstyle="none")
    axes.plot(places, arrived, label=line[0].label, **look)
    for x, row in zip(places, line, strict=True):
        if row.p99_ms is None:
            text, above = f"{row.missing / row.due:.0%} never arrived", never
        else:
            text, above = f"{row.p99_ms:.1f}{' (!)' if row.disturbed else ''}", row.p99_ms
        align = "right" if x == len(shares) - 1 else "left"
        axes.annotate(text, (x, above), (0, 6), textcoords="offset points", fontsize=8, color=look["color"], ha=align)
