"""bench.panels and bench.charts: what a declaration draws, and that Fanwire can be told from the others."""

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bench.charts import line_looks
from bench.panels import Bars, Lines, panels

ROWS = [
    {"server": "fanwire", "size": 10, "ms": 1.0},
    {"server": "ws", "size": 10, "ms": 3.0},
    {"server": "fanwire", "size": 20, "ms": 2.0},
    {"server": "ws", "size": 20, "ms": None},
]


def _server(row: dict[str, object]) -> str:
    return str(row["server"])


@pytest.mark.slow
def test_a_bar_for_each_row_that_has_a_value_and_fanwires_in_another_colour() -> None:
    figure = Figure()
    panels(Bars("ms", "latency, ms", _server, lambda row: f"{row['size']}"))(figure, ROWS)
    (axes,) = figure.axes
    bars = [bar for container in axes.containers for bar in container]
    assert sorted(bar.get_width() for bar in bars) == [1.0, 2.0, 3.0]
    assert axes.get_xlabel() == "latency, ms"
    colors = {bar.get_width(): to_hex(bar.get_facecolor()) for bar in bars}
    assert colors[1.0] == colors[2.0] != colors[3.0]


def test_a_declaration_with_where_draws_those_rows_alone() -> None:
    figure = Figure()
    panels(Lines("size", "ms", "subscribers", "latency, ms", _server, {"server": "fanwire"}))(figure, ROWS)
    (line,) = figure.axes[0].get_lines()
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([10, 20], [1.0, 2.0])


def test_more_than_three_charts_go_on_below() -> None:
    figure = Figure()
    chart = Bars("ms", "latency, ms", _server, where={"size": 10})
    panels(*[chart] * 4)(figure, ROWS)
    assert [bool(axes.get_xlabel()) for axes in figure.axes] == [True] * 4 + [False] * 2


def test_lines_differ_in_more_than_their_colour() -> None:
    looks = line_looks(["fanwire a", "fanwire b", "ws", "tornado"])
    assert len({look["marker"] for look in looks.values()}) == 4
    assert looks["fanwire a"]["color"] == looks["fanwire b"]["color"]
    assert looks["fanwire a"]["linestyle"] != looks["fanwire b"]["linestyle"]
