"""Turns raw cells into medians and ratios, and those into text. Pure: no clock, no file.

A ratio is taken to the floor of the same round, then the median of the rounds: a machine that slows down
for a minute slows both.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.cells import Cell
from bench.fan_out_plot import draw_fan_out
from bench.question import Question, typed
from bench.tables import markdown_table

__all__ = ["QUESTION", "Row", "render", "summarise"]

_FLOOR = "floor"
_HEADINGS = (
    "server",
    "× floor",
    "CPU µs",
    "deliveries/s",
    "p50 ms",
    "p99 ms",
    "KiB/conn",
    "conn/s",
    "server busy",
    "load busy",
)


@dataclass(frozen=True, slots=True)
class Row:
    """The medians of one server in one setting.

    ``ratio`` is the CPU per delivery by that of the floor, None without a floor; units as in ``Cell``.
    """

    server: str
    subscribers: int
    outstanding: int
    rounds: int
    ratio: float | None
    cpu_us: float
    deliveries_per_s: float
    p50_ms: float
    p99_ms: float
    rss_kib: float
    connects_per_s: float
    server_busy: float
    generator_busy: float
    generator_limited: bool


def summarise(cells: Sequence[Cell]) -> list[Row]:
    """One row per setting and server, in the order in which the cells first name them."""
    groups: dict[tuple[int, int, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.subscribers, cell.outstanding, cell.server), []).append(cell)
    floors = {_round_of(cell): cell for cell in cells if cell.server == _FLOOR}
    first_seen = {server: place for place, server in enumerate(dict.fromkeys(cell.server for cell in cells))}
    ordered = sorted(groups, key=lambda group: (group[0], group[1], first_seen[group[2]]))
    return [_row(groups[group], floors) for group in ordered]


def render(rows: Sequence[Row]) -> str:
    """The rows as Markdown tables, one per setting."""
    blocks = []
    for setting in dict.fromkeys((row.subscribers, row.outstanding) for row in rows):
        members = [row for row in rows if (row.subscribers, row.outstanding) == setting]
        table = markdown_table(_HEADINGS, map(_line, members))
        blocks.append(f"### {setting[0]:,} subscribers, {setting[1]} outstanding\n\n{table}")
    if any(row.generator_limited for row in rows):
        blocks.append("(*) load generator limited: the server's CPU is valid, its rate and latency are not.")
    return "\n\n".join(blocks)


def _round_of(cell: Cell) -> tuple[int, int, int]:
    return cell.round, cell.subscribers, cell.outstanding


def _row(cells: list[Cell], floors: dict[tuple[int, int, int], Cell]) -> Row:
    ratios = [cell.cpu_us / floor.cpu_us for cell in cells if (floor := floors.get(_round_of(cell))) and floor.cpu_us]
    return Row(
        server=cells[0].server,
        subscribers=cells[0].subscribers,
        outstanding=cells[0].outstanding,
        rounds=len(cells),
        ratio=median(ratios) if ratios else None,
        cpu_us=median(cell.cpu_us for cell in cells),
        deliveries_per_s=median(cell.deliveries_per_s for cell in cells),
        p50_ms=median(cell.p50_ms for cell in cells),
        p99_ms=median(cell.p99_ms for cell in cells),
        rss_kib=median(cell.rss_kib for cell in cells),
        connects_per_s=median(cell.connects_per_s for cell in cells),
        server_busy=median(cell.server_busy for cell in cells),
        generator_busy=median(cell.generator_busy for cell in cells),
        generator_limited=any(cell.generator_limited for cell in cells),
    )


def _line(row: Row) -> tuple[str, ...]:
    limited = " (*)" if row.generator_limited else ""
    return (
        row.server,
        "–" if row.ratio is None else f"{row.ratio:.2f}",
        f"{row.cpu_us:.2f}",
        f"{row.deliveries_per_s:,.0f}{limited}",
        f"{row.p50_ms:.2f}{limited}",
        f"{row.p99_ms:.2f}{limited}",
        f"{row.rss_kib:.1f}",
        f"{row.connects_per_s:,.0f}",
        f"{row.server_busy:.0%}",
        f"{row.generator_busy:.0%}",
    )


QUESTION = Question(
    "fan_out",
    summarise=lambda cells: [asdict(row) for row in summarise(typed(Cell, cells))],
    render=lambda rows: render(typed(Row, rows)),
    draw=draw_fan_out,
)
