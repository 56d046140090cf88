"""The two charts that bench programs need: bars and lines, one colour for Fanwire and others for the rest.

Owns the colours: those of Okabe and Ito, which colour-blind readers tell apart. Fanwire's is used for nothing else,
and lines differ in their markers as well.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Points", "draw_bars", "draw_lines", "line_looks"]

# One line: x and y of its points; y is None where there is no value.
Points = Sequence[tuple[float, float | None]]

_FANWIRE, _OTHER = "#0072B2", "#999999"
_LINES = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS, _OUR_MARKERS = "sD^v*Px", "oph8H"
_OUR_DASHES = ("-", "--", "-.", ":")
_BAR_SHARE = 0.8
_FAINTEST = 0.45


def draw_bars(
    axes: "Axes", bars: Mapping[str, Mapping[str, float | None]], label: str, *, log: bool = False, form: str = "{:.2f}"
) -> None:
    """Horizontal bars: a group for each name, in it a bar for each series; ``label`` names value and unit.

    A name that begins with ``fanwire`` is highlighted. The series of a group differ in how strong the colour is, and
    are named in the legend where there are several. What is None has no bar.
    """
    from matplotlib.ticker import NullFormatter

    series = list(dict.fromkeys(name for group in bars.values() for name in group))
    height = _BAR_SHARE / max(1, len(series))
    for place, name in enumerate(series):
        alpha = 1.0 if len(series) == 1 else _FAINTEST + (1 - _FAINTEST) * place / (len(series) - 1)
        found = [(y, group, value) for y, group in enumerate(bars) if (value := bars[group].get(name)) is not None]
        at = [y + (place - (len(series) - 1) / 2) * height for y, _, _ in found]
        colors = [_FANWIRE if group.startswith("fanwire") else _OTHER for _, group, _ in found]
        drawn = axes.barh(at, [value for _, _, value in found], height * 0.9, color=colors, alpha=alpha, label=name)
        axes.bar_label(drawn, [form.format(value) for _, _, value in found], padding=2, fontsize=7)
    axes.set_yticks(range(len(bars)), list(bars))
    for tick in axes.get_yticklabels():
        tick.set_fontweight("bold" if tick.get_text().startswith("fanwire") else "normal")
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_xlabel(label)
    axes.margins(x=0.2)
    if log:
        axes.set_xscale("log")
        # Powers of ten in digits; between them the bars tell their values themselves.
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    if len(series) > 1:
        # Above the bars, to their right end: there is never room among them.
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=len(series),
            fontsize=7,
            frameon=False,
            handlelength=1.0,
            columnspacing=1.0,
        )


def draw_lines(axes: "Axes", lines: Mapping[str, Points], x_label: str, y_label: str, *, log_y: bool = False) -> None:
    """One line for each name; those that begin with ``fanwire`` are drawn heavier, on top."""
    from matplotlib.ticker import LogFormatter

    for name, look in line_looks(list(lines)).items():
        xs = [x for x, _ in lines[name]]
        ys = [float("nan") if y is None else y for _, y in lines[name]]
        axes.plot(xs, ys, label=name, **look)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    if log_y:
        axes.set_yscale("log")
        # Digits rather than powers of ten; those between two powers only where there is room.
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    axes.grid(alpha=0.25)
    if len(lines) > 1:
        axes.legend(fontsize=7, loc="best")


def line_looks(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What ``Axes.plot`` takes for each line: colour, marker, dashes, width."""
    ours, others = count(), count()
    return {name: _our_look(next(ours)) if name.startswith("fanwire") else _other_look(next(others)) for name in names}


def _our_look(place: int) -> dict[str, Any]:
    marker, dashes = _OUR_MARKERS[place % len(_OUR_MARKERS)], _OUR_DASHES[place % len(_OUR_DASHES)]
    return {"color": _FANWIRE, "marker": marker, "linestyle": dashes, "linewidth": 2.2, "zorder": 3}


def _other_look(place: int) -> dict[str, Any]:
    color, marker = _LINES[place % len(_LINES)], _MARKERS[place % len(_MARKERS)]
    return {"color": color, "marker": marker, "linestyle": "-", "linewidth": 1.2, "zorder": 2}
