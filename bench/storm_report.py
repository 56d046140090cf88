"""Turns raw cells of ``bench.reconnect_storm`` into medians, and those into text. Pure: no clock, no file.

How the cost of a disconnect grows is a ratio within one round, then the median of the rounds: a machine that slows down
for a minute slows all sizes of a round.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.panels import Bars, panels
from bench.question import Question, Values, typed
from bench.storm_cells import StormCell
from bench.tables import markdown_table

__all__ = ["QUESTION", "StormRow", "render_storms", "summarise_storms"]

_HEADINGS = (
    "clients",
    "live/s",
    "CPU µs",
    "p50 ms",
    "p99 ms",
    "max ms",
    "RSS KiB/conn",
    "PSS KiB/conn",
    "left KiB/conn",
    "gone s",
    "gone CPU µs",
    "server busy",
    "load busy",
)


@dataclass(frozen=True, slots=True)
class StormRow:
    """The medians of one size; units as in ``StormCell``.

    ``growth`` is the CPU time of one disconnect by that in the smallest size, None where that took no measurable time
    and where there is no smaller size.
    """

    clients: int
    rounds: int
    live_per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    rss_kib: float
    pss_kib: float
    left_kib: float
    gone_s: float
    gone_cpu_us: float
    growth: float | None
    server_busy: float
    generator_busy: float
    generator_limited: bool
    disturbed: bool


def summarise_storms(cells: Sequence[StormCell]) -> list[StormRow]:
    """One row per size, from small to large."""
    sizes = sorted({cell.clients for cell in cells})
    smallest = {cell.round: cell for cell in cells if cell.clients == sizes[0]} if len(sizes) > 1 else {}
    return [_row([cell for cell in cells if cell.clients == size], smallest) for size in sizes]


def render_storms(rows: Sequence[StormRow]) -> str:
    """The rows as a Markdown table, and below it what is in doubt."""
    blocks = [markdown_table(_HEADINGS, map(_line, rows), words=0)]
    if any(row.generator_limited for row in rows):
        blocks.append("(*) load generator limited: the server's CPU is valid, rate and times are the generator's own.")
    if any(row.disturbed for row in rows):
        blocks.append("(!) in some round something else ran on the server's core while the server had work to do.")
    return "\n\n".join(blocks)


def _row(cells: list[StormCell], smallest: dict[int, StormCell]) -> StormRow:
    return StormRow(
        clients=cells[0].clients,
        rounds=len(cells),
        live_per_s=median(cell.live_per_s for cell in cells),
        cpu_us=median(cell.cpu_us for cell in cells),
        p50_ms=median(cell.p50_ms for cell in cells),
        p99_ms=median(cell.p99_ms for cell in cells),
        max_ms=median(cell.max_ms for cell in cells),
        rss_kib=median(cell.rss_kib for cell in cells),
        pss_kib=median(cell.pss_kib for cell in cells),
        left_kib=median(cell.left_kib for cell in cells),
        gone_s=median(cell.gone_s for cell in cells),
        gone_cpu_us=median(cell.gone_cpu_us for cell in cells),
        growth=_growth(cells, smallest),
        server_busy=median(cell.server_busy for cell in cells),
        generator_busy=median(cell.generator_busy for cell in cells),
        generator_limited=any(cell.generator_limited for cell in cells),
        disturbed=any(cell.disturbed for cell in cells),
    )


def _growth(cells: list[StormCell], smallest: dict[int, StormCell]) -> float | None:
    ratios = [
        cell.gone_cpu_us / least.gone_cpu_us
        for cell in cells
        if (least := smallest.get(cell.round)) and least.gone_cpu_us
    ]
    return median(ratios) if ratios else None


def _line(row: StormRow) -> tuple[str, ...]:
    limited = (" (*)" if row.generator_limited else "") + (" (!)" if row.disturbed else "")
    return (
        f"{row.clients:,}",
        f"{row.live_per_s:,.0f}{limited}",
        f"{row.cpu_us:,.0f}",
        f"{row.p50_ms:,.0f}",
        f"{row.p99_ms:,.0f}",
        f"{row.max_ms:,.0f}",
        f"{row.rss_kib:.1f}",
        f"{row.pss_kib:.1f}",
        f"{row.left_kib:.1f}",
        f"{row.gone_s:.2f}",
        f"{row.gone_cpu_us:,.0f}",
        f"{row.server_busy:.0%}",
        f"{row.generator_busy:.0%}",
    )


def _size(row: Values) -> str:
    return f"fanwire, {row['clients']:,}"


QUESTION = Question(
    "reconnect_storm",
    summarise=lambda cells: [asdict(row) for row in summarise_storms(typed(StormCell, cells))],
    render=lambda rows: render_storms(typed(StormRow, rows)),
    draw=panels(
        Bars("cpu_us", "CPU per reconnect, µs", _size, form="{:,.0f}"),
        Bars("live_per_s", "clients live per second", _size, form="{:,.0f}"),
        Bars("rss_kib", "RSS per connection, KiB", _size),
    ),
)
