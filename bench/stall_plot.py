"""Draws what the healthy subscribers wait, by the share of stalled ones: one line per server, policy and rate.

In the grey band is what never came; (!) marks a window in which something else ran on the server's core.

Owns nothing. matplotlib comes with the extra ``bench`` and is imported when a plot is asked for.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.servers import Unavailable
from bench.stall_report import StallRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_stalls", "require_plotting"]

_MARKERS = "osD^v*P"
_FIGURE_INCHES = (8.0, 5.0)
_DPI = 150
# How far above the slowest finite point "never" is drawn, and how far apart several are, as factors.
_NEVER_ABOVE, _NEVER_STEP = 6.0, 1.6


def require_plotting() -> None:
    """Raises: Unavailable when matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise Unavailable("--plot", "matplotlib not installed: pip install 'fanwire[bench]'")


def draw_stalls(rows: Sequence[StallRow], subscribers: int, path: Path) -> None:
    """Write the healthy p99 by stalled share to ``path``; its ending (.png, .svg, .pdf) chooses the format.

    Raises: OSError when the path cannot be written, ValueError for an ending that matplotlib does not know.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_FIGURE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    shares = sorted({row.stalled_percent for row in rows})
    ceiling = _NEVER_ABOVE * max((row.p99_ms for row in rows if row.p99_ms), default=1.0)
    for place, label in enumerate(dict.fromkeys(row.label for row in rows)):
        line = sorted((row for row in rows if row.label == label), key=lambda row: row.stalled_percent)
        _draw_line(axes, line, shares, place, ceiling)
    axes.axhspan(ceiling / 2, ceiling * _NEVER_ABOVE, color="0.92", zorder=0)
    axes.set_yscale("log")
    axes.set_ylim(top=ceiling * _NEVER_ABOVE)
    axes.set_xticks(range(len(shares)), [f"{share} %" for share in shares])
    axes.set_xlabel("subscribers that have stopped reading")
    axes.set_ylabel("p99 of the healthy ones, ms from the scheduled publish")
    axes.set_title(f"{subscribers:,} subscribers, 1 KiB messages, open loop")
    axes.grid(which="both", alpha=0.25)
    axes.legend(loc="best")
    figure.savefig(path, dpi=_DPI)


def _draw_line(axes: "Axes", line: Sequence[StallRow], shares: Sequence[int], place: int, ceiling: float) -> None:
    color, marker = f"C{place}", _MARKERS[place % len(_MARKERS)]
    never = ceiling * _NEVER_STEP**place
    places = [shares.index(row.stalled_percent) for row in line]
    heights = [never if row.p99_ms is None else row.p99_ms for row in line]
    arrived = [float("nan") if row.p99_ms is None else row.p99_ms for row in line]
    axes.plot(places, heights, color=color, marker=marker, linestyle=":", fillstyle="none")
    axes.plot(places, arrived, color=color, marker=marker, label=line[0].label)
    for x, row in zip(places, line, strict=True):
        if row.p99_ms is None:
            text, above = f"{row.missing / row.due:.0%} never arrived", never
        else:
            text, above = f"{row.p99_ms:.1f}{' (!)' if row.disturbed else ''}", row.p99_ms
        align = "right" if x == len(shares) - 1 else "left"
        axes.annotate(text, (x, above), (0, 6), textcoords="offset points", fontsize=8, color=color, ha=align)
