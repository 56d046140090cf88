"""Turns the windows of ``bench.ops_cost`` into what an open page costs, and that into text. Pure: no clock, no file.

The cost is the difference of a round's two windows, then the median of the rounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.charts import draw_bars
from bench.question import Question, Values, typed
from bench.tables import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["QUESTION", "OpsCell", "summarise_pages"]

_HEIGHT_INCHES = 1.6


@dataclass(frozen=True, slots=True)
class OpsCell:
    """One window, in which a page ``asks`` or nobody does.

    ``busy``: the share of one core that the gateway used; ``answers_s``: how long each snapshot took to come.
    """

    round: int
    connections: int
    asks: bool
    seconds: float
    busy: float
    answers_s: Sequence[float]
    answer_bytes: int


def summarise_pages(cells: Sequence[OpsCell]) -> list[Values]:
    """One row, or none where no round has both of its windows; ``cost`` and ``*_busy`` are shares of one core."""
    without = {cell.round: cell for cell in cells if not cell.asks}
    pairs = [(without[cell.round], cell) for cell in cells if cell.asks and cell.round in without]
    if not pairs:
        return []
    answers_s = [answer for _, page in pairs for answer in page.answers_s]
    return [
        {
            "connections": cells[0].connections,
            "rounds": len(pairs),
            "idle_busy": median(idle.busy for idle, _ in pairs),
            "page_busy": median(page.busy for _, page in pairs),
            "cost": median(page.busy - idle.busy for idle, page in pairs),
            "answer_p50_ms": median(answers_s) * 1000,
            "answer_max_ms": max(answers_s) * 1000,
            "answer_bytes": median(page.answer_bytes for _, page in pairs),
        }
    ]


def _render(rows: Sequence[Values]) -> str:
    headings = ("connections", "nobody asks", "one page", "the page", "answered in ms", "at most ms", "bytes")
    return markdown_table(headings, map(_line, rows), words=0)


def _line(row: Values) -> tuple[str, ...]:
    return (
        f"{row['connections']:,}",
        f"{row['idle_busy']:.2%}",
        f"{row['page_busy']:.2%}",
        f"{row['cost']:.2%}",
        f"{row['answer_p50_ms']:.1f}",
        f"{row['answer_max_ms']:.1f}",
        f"{row['answer_bytes']:,.0f}",
    )


def _draw(figure: "Figure", rows: Sequence[Values]) -> None:
    figure.set_figheight(_HEIGHT_INCHES)
    bars = {
        name: {"": row[field] * 100}
        for row in rows
        for name, field in (("fanwire, nobody asks", "idle_busy"), ("fanwire, one page", "page_busy"))
    }
    draw_bars(figure.add_subplot(), bars, f"share of one core, %, with {rows[0]['connections']:,} idle connections")


QUESTION = Question(
    "ops_cost", summarise=lambda cells: summarise_pages(typed(OpsCell, cells)), render=_render, draw=_draw
)
