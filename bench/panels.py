"""A picture from a declaration: charts beside each other, each naming the fields of the rows that it shows.

For programs whose picture needs no thought of its own::

    draw=panels(Bars("end_rss_kib", "RSS per idle connection, KiB", group=lambda row: row["server"]))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.charts import draw_bars, draw_lines
from bench.question import Values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Bars", "Lines", "panels"]

_PER_ROW = 3
_INCHES_ABOVE, _INCHES_PER_BAR, _INCHES_OF_LINES = 0.9, 0.22, 3.2


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for the field ``value`` of each row that has the values of ``where``; ``label`` has the unit.

    ``group`` names the row (Fanwire's begin with ``fanwire``), ``series`` the bar within a group.
    """

    value: str
    label: str
    group: Callable[[Values], str]
    series: Callable[[Values], str] = lambda row: ""
    where: Mapping[str, Any] = field(default_factory=dict)
    log: bool = False
    form: str = "{:,.1f}"

    def draw(self, axes: "Axes", rows: Sequence[Values]) -> None:
        bars: dict[str, dict[str, float | None]] = {}
        for row in _matching(rows, self.where):
            bars.setdefault(self.group(row), {})[self.series(row)] = row[self.value]
        draw_bars(axes, bars, self.label, log=self.log, form=self.form)

    def inches(self, rows: Sequence[Values]) -> float:
        return _INCHES_ABOVE + _INCHES_PER_BAR * len(_matching(rows, self.where))


@dataclass(frozen=True, slots=True)
class Lines:
    """The field ``y`` by the field ``x`` of the rows that have the values of ``where``, a line for each ``name``."""

    x: str
    y: str
    x_label: str
    y_label: str
    name: Callable[[Values], str]
    where: Mapping[str, Any] = field(default_factory=dict)
    log: bool = False

    def draw(self, axes: "Axes", rows: Sequence[Values]) -> None:
        lines: dict[str, list[tuple[float, float | None]]] = {}
        for row in sorted(_matching(rows, self.where), key=lambda row: row[self.x]):
            lines.setdefault(self.name(row), []).append((row[self.x], row[self.y]))
        draw_lines(axes, lines, self.x_label, self.y_label, log_y=self.log)

    def inches(self, rows: Sequence[Values]) -> float:
        return _INCHES_OF_LINES


def panels(*charts: Bars | Lines) -> Callable[["Figure", Sequence[Values]], None]:
    """A function that draws ``charts``, at most three beside each other; one that has no rows is left empty."""

    def draw(figure: "Figure", rows: Sequence[Values]) -> None:
        columns = min(_PER_ROW, len(charts))
        lines = -(-len(charts) // columns)
        figure.set_figheight(lines * max(chart.inches(rows) for chart in charts))
        grid = figure.subplots(lines, columns, squeeze=False)
        for place, axes in enumerate(grid.flat):
            if place < len(charts):
                charts[place].draw(axes, rows)
            else:
                axes.set_axis_off()

    return draw


def _matching(rows: Sequence[Values], where: Mapping[str, Any]) -> list[Values]:
    return [row for row in rows if all(row.get(name) == wanted for name, wanted in where.items())]
