"""Turns raw cells of ``bench.reconnect_storm`` into medians and verdicts, and those into text. Pure: no clock, no file.

How the cost of a disconnect grows is a ratio within one round, then the median of the rounds: a machine that slows down
for a minute slows all sizes of a round.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.storm_cells import StormCell

__all__ = ["TARGET_GROWTH", "TARGET_KIB", "TARGET_PER_S", "StormRow", "render_storms", "summarise_storms"]

TARGET_PER_S, TARGET_KIB, TARGET_GROWTH = 2500, 20.0, 1.5
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

    ``growth`` is the CPU time of one disconnect by that in the smallest size, None where that took no measurable time.
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
    smallest = {cell.round: cell for cell in cells if cell.clients == sizes[0]}
    return [_row([cell for cell in cells if cell.clients == size], smallest) for size in sizes]


def render_storms(rows: Sequence[StormRow]) -> str:
    """The rows as a Markdown table, and below it how the largest of them meets the targets."""
    blocks = [_table(map(_line, rows))]
    if any(row.generator_limited for row in rows):
        blocks.append("(*) load generator limited: the server's CPU is valid, rate and times are the generator's own.")
    if any(row.disturbed for row in rows):
        blocks.append("(!) in some round something else ran on the server's core while the server had work to do.")
    return "\n\n".join([*blocks, *_verdicts(rows)])


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


def _verdicts(rows: Sequence[StormRow]) -> list[str]:
    if not rows:
        return []
    least, most = rows[0], rows[-1]
    lines = [f"Targets, at {most.clients:,} clients:", _rate_verdict(most), _memory_verdict(most)]
    if most.clients > least.clients:
        lines.append(_growth_verdict(least, most))
    return ["\n".join(lines)]


def _rate_verdict(row: StormRow) -> str:
    alone = f", {1e6 / row.cpu_us:,.0f} by CPU time alone" if row.cpu_us else ""
    doubt = (" (*)" if row.generator_limited else "") + (" (!)" if row.disturbed else "")
    verdict = _verdict(row.live_per_s >= TARGET_PER_S)
    return f"- at least {TARGET_PER_S:,} a second per core: {row.live_per_s:,.0f}{alone}: {verdict}{doubt}"


def _memory_verdict(row: StormRow) -> str:
    verdict = _verdict(row.rss_kib <= TARGET_KIB)
    return f"- at most {TARGET_KIB:g} KiB per idle connection: {row.rss_kib:.1f}: {verdict}"


def _growth_verdict(least: StormRow, most: StormRow) -> str:
    asked = f"- a disconnect costs at most × {TARGET_GROWTH:g} of what it costs at {least.clients:,}"
    if most.growth is None:
        return f"{asked}: took less than a tick of the clock at {least.clients:,}: no verdict"
    return f"{asked}: × {most.growth:.2f}: {_verdict(most.growth <= TARGET_GROWTH)}"


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


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


def _table(lines: Iterable[tuple[str, ...]]) -> str:
    table = [_HEADINGS, *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEADINGS))]
    head, *body = ("| " + " | ".join(map(str.rjust, line, widths)) + " |" for line in table)
    return "\n".join([head, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|", *body])
