"""Turns raw cells of ``bench.idle_memory`` into medians, and those into text. Pure: no clock, no file."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.idle_cells import IdleCell
from bench.panels import Bars, panels
from bench.question import Question, Values, typed
from bench.tables import markdown_table

__all__ = ["QUESTION", "IdleRow", "render_idle", "summarise_idle"]

_HEADINGS = (
    "connections",
    "server",
    "RSS KiB",
    "PSS KiB",
    "RSS after the heartbeat",
    "PSS after it",
    "pings",
    "idle busy",
    "connects/s",
)


@dataclass(frozen=True, slots=True)
class IdleRow:
    """The medians of one server with one number of connections; units as in ``IdleCell``."""

    server: str
    connections: int
    rss_kib: float
    pss_kib: float
    end_rss_kib: float
    end_pss_kib: float
    idle_s: float
    pings: float
    idle_busy: float
    connects_per_s: float


def summarise_idle(cells: Sequence[IdleCell]) -> list[IdleRow]:
    """One row per size and server, from few connections to many, servers in the order in which they were measured."""
    keys = list(dict.fromkeys((cell.connections, cell.server) for cell in cells))
    return [
        _row([cell for cell in cells if (cell.connections, cell.server) == key])
        for key in sorted(keys, key=lambda key: key[0])
    ]


def render_idle(rows: Sequence[IdleRow]) -> str:
    """The rows as a Markdown table."""
    return markdown_table(_HEADINGS, map(_line, rows), words=0)


def _row(cells: list[IdleCell]) -> IdleRow:
    def middle(value: Callable[[IdleCell], float]) -> float:
        return median(map(value, cells))

    return IdleRow(
        server=cells[0].server,
        connections=cells[0].connections,
        rss_kib=middle(lambda cell: cell.rss_kib),
        pss_kib=middle(lambda cell: cell.pss_kib),
        end_rss_kib=middle(lambda cell: cell.end_rss_kib),
        end_pss_kib=middle(lambda cell: cell.end_pss_kib),
        idle_s=cells[0].idle_s,
        pings=middle(lambda cell: cell.pings),
        idle_busy=middle(lambda cell: cell.idle_busy),
        connects_per_s=middle(lambda cell: cell.connects_per_s),
    )


def _line(row: IdleRow) -> tuple[str, ...]:
    beat = row.idle_s > 0
    return (
        f"{row.connections:,}",
        row.server,
        f"{row.rss_kib:.1f}",
        f"{row.pss_kib:.1f}",
        f"{row.end_rss_kib:.1f}" if beat else "-",
        f"{row.end_pss_kib:.1f}" if beat else "-",
        f"{row.pings:.2f}" if beat else "-",
        f"{row.idle_busy:.1%}" if beat else "-",
        f"{row.connects_per_s:,.0f}",
    )


def _server(row: Values) -> str:
    return str(row["server"])


def _size(row: Values) -> str:
    return f"{row['connections']:,} connections"


QUESTION = Question(
    "idle_memory",
    summarise=lambda cells: [asdict(row) for row in summarise_idle(typed(IdleCell, cells))],
    render=lambda rows: render_idle(typed(IdleRow, rows)),
    draw=panels(
        Bars("rss_kib", "RSS per connection, KiB", _server, _size),
        Bars("pss_kib", "PSS per connection, KiB", _server, _size),
    ),
)
