"""Turns raw cells of ``bench.scale_out`` into medians and a verdict, and those into text. Pure: no clock, no file.

What a bus adds is a difference within one round, then the median of the rounds: a machine that slows down for a minute
slows both.
"""

from collections.abc import Sequence
from statistics import median

from bench.scale_cells import FreshCell, LatencyCell, ThroughputCell

__all__ = ["TARGET_ADDED_MS", "added_ms", "render_scale"]

TARGET_ADDED_MS = 1.0
_BASE = "memory"


def added_ms(cells: Sequence[LatencyCell], bus: str) -> float | None:
    """What ``bus`` adds to the median latency in ms, by the median of the rounds; None where no round has both."""
    base = {cell.round: cell.p50_ms for cell in cells if cell.bus == _BASE}
    added = [cell.p50_ms - base[cell.round] for cell in cells if cell.bus == bus and cell.round in base]
    return median(added) if added else None


def render_scale(
    latencies: Sequence[LatencyCell], throughputs: Sequence[ThroughputCell], storms: Sequence[FreshCell]
) -> str:
    """Three Markdown tables, each with what has to be said about it; those without cells are left out."""
    parts = []
    if latencies:
        parts.append(f"### From publish to socket\n\n{_latencies(latencies)}")
    if throughputs:
        parts.append(f"### Deliveries\n\n{_throughputs(throughputs)}")
    if storms:
        parts.append(f"### Everybody comes to one worker\n\n{_storms(storms)}")
    return "\n\n".join(parts)


def _latencies(cells: Sequence[LatencyCell]) -> str:
    rows, verdicts = [], []
    for bus in dict.fromkeys(cell.bus for cell in cells):
        group = [cell for cell in cells if cell.bus == bus]
        added = None if bus == _BASE else added_ms(cells, bus)
        doubt = " (!)" if any(cell.disturbed for cell in group) else ""
        rows.append(
            (
                bus,
                f"{median(cell.p50_ms for cell in group):.2f}{doubt}",
                f"{median(cell.p99_ms for cell in group):.2f}{doubt}",
                "–" if added is None else f"{added:+.2f}",
                f"{sum(cell.missing for cell in group)}",
            )
        )
        if added is not None:
            verdict = "met" if added <= TARGET_ADDED_MS else "MISSED"
            asked = f"Target: {bus} adds at most {TARGET_ADDED_MS:g} ms at the median"
            # Memory that was disturbed flatters the other one.
            doubts = " (!)" if any(cell.disturbed for cell in cells if cell.bus in (bus, _BASE)) else ""
            verdicts.append(f"{asked}: {added:+.2f}: {verdict}{doubts}")
    table = _table(("bus", "p50 ms", "p99 ms", "p50 against memory", "missing"), rows)
    marks = ["(!) something else ran on the server's core while the server had work to do."]
    return "\n\n".join([table, *(marks if any(cell.disturbed for cell in cells) else []), *verdicts])


def _throughputs(cells: Sequence[ThroughputCell]) -> str:
    rows = []
    for bus, workers in dict.fromkeys((cell.bus, cell.workers) for cell in cells):
        group = [cell for cell in cells if (cell.bus, cell.workers) == (bus, workers)]
        limited = " (*)" if any(cell.generator_limited for cell in group) else ""
        rows.append(
            (
                bus,
                str(workers),
                f"{median(cell.deliveries_per_s for cell in group):,.0f}{limited}",
                f"{median(cell.cpu_us for cell in group):.2f}",
                f"{median(cell.store_cpu_us for cell in group):.2f}",
                f"{median(cell.generator_busy for cell in group):.0%}",
            )
        )
    return _table(("bus", "workers", "deliveries/s", "CPU µs", "store CPU µs", "load busy"), rows)


def _storms(cells: Sequence[FreshCell]) -> str:
    rows = []
    for bus, is_fresh in dict.fromkeys((cell.bus, cell.is_fresh) for cell in cells):
        group = [cell for cell in cells if (cell.bus, cell.is_fresh) == (bus, is_fresh)]
        commands = sorted({name for cell in group for name in cell.asked})
        asked = ", ".join(f"{name} {median(cell.asked.get(name, 0) for cell in group):g}" for name in commands)
        rows.append(
            (
                f"{bus}, {'fresh' if is_fresh else 'with the history'}",
                f"{group[0].clients:,}",
                f"{median(cell.live_per_s for cell in group):,.0f}",
                f"{median(cell.cpu_us for cell in group):,.0f}",
                f"{median(cell.store_cpu_us for cell in group):,.0f}",
                asked or "nothing",
            )
        )
    return _table(("worker", "clients", "live/s", "CPU µs", "store CPU µs", "asked of the store"), rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    table = [headings, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    head, *body = ("| " + " | ".join(map(str.rjust, row, widths)) + " |" for row in table)
    return "\n".join([head, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|", *body])
