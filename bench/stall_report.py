"""Turns raw cells of ``bench.slow_clients`` into medians and ratios, and those into text. Pure: no clock, no file.

A ratio is taken to the cell of the same round, server, policy and rate in which nobody is stalled, then the median
of the rounds: a machine that slows down for a minute slows both.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import median

from bench.question import Question, typed
from bench.stall_cells import StallCell
from bench.stall_plot import draw_stalls
from bench.stall_rows import StallRow
from bench.tables import markdown_table

__all__ = ["QUESTION", "render_stalls", "summarise_stalls"]

_NEVER = math.inf
_HEADINGS = (
    "server",
    "policy",
    "rate/s",
    "stalled",
    "p50 ms",
    "p99 ms",
    "max ms",
    "p99 × baseline",
    "missing",
    "RSS MiB (peak)",
    "server busy",
    "load busy",
    "fate of the stalled",
)


def summarise_stalls(cells: Sequence[StallCell]) -> list[StallRow]:
    """One row per server, policy, rate and share of stalled, in the order in which the cells first name them."""
    groups: dict[tuple[str, str, int, int], list[StallCell]] = {}
    for cell in cells:
        groups.setdefault((cell.server, cell.policy, cell.rate, cell.stalled_percent), []).append(cell)
    baselines = {_setting(cell): cell for cell in cells if cell.stalled_percent == 0}
    return [_row(group, baselines) for group in groups.values()]


def render_stalls(rows: Sequence[StallRow]) -> str:
    """The rows as a Markdown table, and below it in words what went wrong and what is in doubt."""
    blocks = [markdown_table(_HEADINGS, map(_line, rows), words=len(_HEADINGS))]
    blocks += [f"- {row.label}, {row.stalled_percent} % stalled: {row.remark}" for row in rows if row.remark]
    if any(row.generator_limited for row in rows):
        blocks.append("(*) load generator limited: the latencies are its own.")
    if any(row.disturbed for row in rows):
        blocks.append("(!) in some round something else ran on the server's core while the server had work to do.")
    return "\n\n".join(blocks)


def _setting(cell: StallCell) -> tuple[int, str, str, int]:
    return cell.round, cell.server, cell.policy, cell.rate


def _row(cells: list[StallCell], baselines: dict[tuple[int, str, str, int], StallCell]) -> StallRow:
    last, worst = cells[-1], max(cells, key=lambda cell: cell.missing)
    return StallRow(
        server=last.server,
        policy=last.policy,
        rate=last.rate,
        stalled_percent=last.stalled_percent,
        rounds=len(cells),
        p50_ms=_median(cell.p50_ms for cell in cells),
        p99_ms=_median(cell.p99_ms for cell in cells),
        max_ms=_median(cell.max_ms for cell in cells),
        ratio=_ratio(cells, baselines),
        due=last.due,
        missing=worst.missing,
        disordered=max(cell.disordered for cell in cells),
        rss_growth_mib=median(cell.rss_growth_mib for cell in cells),
        rss_peak_growth_mib=median(cell.rss_peak_growth_mib for cell in cells),
        server_busy=median(cell.server_busy for cell in cells),
        generator_busy=median(cell.generator_busy for cell in cells),
        generator_limited=any(cell.generator_limited for cell in cells),
        disturbed=any(cell.disturbed for cell in cells),
        baseline_disturbed=any((base := baselines.get(_setting(cell))) and base.disturbed for cell in cells),
        fate=_fate(last),
        remark=_remark(worst, max(cell.disordered for cell in cells)),
    )


def _median(values: Iterable[float | None]) -> float | None:
    found = median(_NEVER if value is None else value for value in values)
    return None if found == _NEVER else found


def _ratio(cells: list[StallCell], baselines: dict[tuple[int, str, str, int], StallCell]) -> float | None:
    ratios = [
        _NEVER if cell.p99_ms is None else cell.p99_ms / baseline.p99_ms
        for cell in cells
        if (baseline := baselines.get(_setting(cell))) and baseline.p99_ms
    ]
    return _median(ratios) if ratios else None


def _fate(cell: StallCell) -> str:
    if not cell.stalled:
        return "–"
    found = ", ".join(f"{count} × {fate}" for fate, count in sorted(cell.fates.items()))
    return f"{cell.let_go} of {cell.stalled} let go; read on later: {found}"


def _remark(worst: StallCell, disordered: int) -> str:
    said = []
    if worst.missing:
        got = f"the healthy got {worst.due - worst.missing:,} of {worst.due:,}"
        said.append(f"{got}, nothing after {worst.last_delivery_s:.1f} s of {worst.window_s:.1f} s")
    if worst.unsent:
        said.append(f"{worst.unsent} messages were not even taken from the publisher")
    if worst.publisher_ended:
        said.append("the publisher lost its connection")
    if worst.healthy_ended:
        said.append(f"{worst.healthy_ended} healthy subscribers lost their connection")
    if worst.refused:
        said.append(f"{worst.refused} publishes were refused")
    if disordered:
        said.append(f"{disordered} deliveries out of order or twice")
    return "; ".join(said)


def _line(row: StallRow) -> tuple[str, ...]:
    limited = (" (*)" if row.generator_limited else "") + (" (!)" if row.disturbed else "")
    return (
        row.server,
        row.policy,
        f"{row.rate}",
        f"{row.stalled_percent} %",
        _ms(row.p50_ms) + limited,
        _ms(row.p99_ms) + limited,
        _ms(row.max_ms) + limited,
        _times(row),
        f"{row.missing:,}",
        f"{row.rss_growth_mib:+.1f} ({row.rss_peak_growth_mib:+.1f})",
        f"{row.server_busy:.0%}",
        f"{row.generator_busy:.0%}",
        row.fate,
    )


def _ms(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"


def _times(row: StallRow) -> str:
    if row.p99_ms is None:
        return "never"
    return "–" if row.ratio is None else f"× {row.ratio:.2f}"


QUESTION = Question(
    "slow_clients",
    summarise=lambda cells: [asdict(row) for row in summarise_stalls(typed(StallCell, cells))],
    render=lambda rows: render_stalls(typed(StallRow, rows)),
    draw=lambda figure, rows: draw_stalls(figure, typed(StallRow, rows)),
)
