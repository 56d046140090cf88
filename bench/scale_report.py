"""Turns raw cells of ``bench.scale_out`` into medians, and those into text. Pure: no clock, no file.

What a bus adds is a difference within one round, then the median of the rounds: a machine that slows down for a minute
slows both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import median

from bench.medians import medians_of
from bench.panels import Bars, panels
from bench.question import Question, Values, typed
from bench.scale_cells import FreshCell, LatencyCell, ThroughputCell
from bench.tables import markdown_table

__all__ = ["QUESTION", "added_ms", "render_scale", "summarise_scale"]

_BASE = "memory"


def added_ms(cells: Sequence[LatencyCell], bus: str) -> float | None:
    """What ``bus`` adds to the median latency in ms, by the median of the rounds; None where no round has both."""
    base = {cell.round: cell.p50_ms for cell in cells if cell.bus == _BASE}
    added = [cell.p50_ms - base[cell.round] for cell in cells if cell.bus == bus and cell.round in base]
    return median(added) if added else None


def summarise_scale(cells: Sequence[Values]) -> list[Values]:
    """One row per setting of each kind of cell, with the fields of the cells and what is derived from them.

    ``missing`` is the sum of the rounds; ``disturbed``, ``baseline_disturbed`` (memory was, which flatters the others)
    and ``generator_limited`` are true when any round was.
    """
    latencies = typed(LatencyCell, _of_kind(cells, "latency"))
    storms = typed(FreshCell, _of_kind(cells, "storm"))
    return [
        *(_latency_row(latencies, bus) for bus in dict.fromkeys(cell.bus for cell in latencies)),
        *_delivery_rows(typed(ThroughputCell, _of_kind(cells, "deliveries"))),
        *(_storm_row(storms, *key) for key in dict.fromkeys((cell.bus, cell.is_fresh) for cell in storms)),
    ]


def render_scale(rows: Sequence[Values]) -> str:
    """Three Markdown tables, each with what has to be said about it; those without rows are left out."""
    parts = []
    if latencies := _of_kind(rows, "latency"):
        parts.append(f"### From publish to socket\n\n{_latencies(latencies)}")
    if throughputs := _of_kind(rows, "deliveries"):
        parts.append(f"### Deliveries\n\n{_throughputs(throughputs)}")
    if storms := _of_kind(rows, "storm"):
        parts.append(f"### Everybody comes to one worker\n\n{_storms(storms)}")
    return "\n\n".join(parts)


def _of_kind(values: Iterable[Values], kind: str) -> list[Values]:
    return [value for value in values if value["kind"] == kind]


def _latency_row(cells: Sequence[LatencyCell], bus: str) -> Values:
    group = [cell for cell in cells if cell.bus == bus]
    return {
        "kind": "latency",
        "bus": bus,
        "rounds": len(group),
        "p50_ms": median(cell.p50_ms for cell in group),
        "p99_ms": median(cell.p99_ms for cell in group),
        "added_ms": None if bus == _BASE else added_ms(cells, bus),
        "missing": sum(cell.missing for cell in group),
        "disturbed": any(cell.disturbed for cell in group),
        "baseline_disturbed": bus != _BASE and any(cell.disturbed for cell in cells if cell.bus == _BASE),
    }


def _delivery_rows(cells: Sequence[ThroughputCell]) -> list[Values]:
    marked = [asdict(cell) | {"generator_limited": cell.generator_limited} for cell in cells]
    return medians_of(marked, ("kind", "bus", "workers"))


def _storm_row(cells: Sequence[FreshCell], bus: str, is_fresh: bool) -> Values:
    group = [cell for cell in cells if (cell.bus, cell.is_fresh) == (bus, is_fresh)]
    commands = sorted({name for cell in group for name in cell.asked})
    return {
        "kind": "storm",
        "bus": bus,
        "is_fresh": is_fresh,
        "rounds": len(group),
        "clients": group[0].clients,
        "live_per_s": median(cell.live_per_s for cell in group),
        "cpu_us": median(cell.cpu_us for cell in group),
        "store_cpu_us": median(cell.store_cpu_us for cell in group),
        "asked": {name: median(cell.asked.get(name, 0) for cell in group) for name in commands},
    }


def _latencies(rows: Sequence[Values]) -> str:
    lines = []
    for row in rows:
        doubt = " (!)" if row["disturbed"] else ""
        added = "–" if row["added_ms"] is None else f"{row['added_ms']:+.2f}"
        p50, p99 = f"{row['p50_ms']:.2f}{doubt}", f"{row['p99_ms']:.2f}{doubt}"
        lines.append((row["bus"], p50, p99, added, f"{row['missing']}"))
    table = markdown_table(("bus", "p50 ms", "p99 ms", "p50 against memory", "missing"), lines)
    mark = "(!) something else ran on the server's core while the server had work to do."
    return f"{table}\n\n{mark}" if any(row["disturbed"] for row in rows) else table


def _throughputs(rows: Sequence[Values]) -> str:
    lines = []
    for row in rows:
        limited = " (*)" if row["generator_limited"] else ""
        lines.append(
            (
                row["bus"],
                f"{row['workers']}",
                f"{row['deliveries_per_s']:,.0f}{limited}",
                f"{row['cpu_us']:.2f}",
                f"{row['store_cpu_us']:.2f}",
                f"{row['generator_busy']:.0%}",
            )
        )
    return markdown_table(("bus", "workers", "deliveries/s", "CPU µs", "store CPU µs", "load busy"), lines)


def _storms(rows: Sequence[Values]) -> str:
    lines = []
    for row in rows:
        asked = ", ".join(f"{name} {count:g}" for name, count in row["asked"].items())
        lines.append(
            (
                f"{row['bus']}, {'fresh' if row['is_fresh'] else 'with the history'}",
                f"{row['clients']:,}",
                f"{row['live_per_s']:,.0f}",
                f"{row['cpu_us']:,.0f}",
                f"{row['store_cpu_us']:,.0f}",
                asked or "nothing",
            )
        )
    return markdown_table(("worker", "clients", "live/s", "CPU µs", "store CPU µs", "asked of the store"), lines)


def _bus(row: Values) -> str:
    return f"fanwire, {row['bus']}"


def _workers(row: Values) -> str:
    return "1 worker" if row["workers"] == 1 else f"{row['workers']} workers"


QUESTION = Question(
    "scale_out",
    summarise_scale,
    render_scale,
    draw=panels(
        Bars("p50_ms", "publish to socket, p50, ms", _bus, where={"kind": "latency"}, form="{:.2f}"),
        Bars("p99_ms", "publish to socket, p99, ms", _bus, where={"kind": "latency"}, form="{:.2f}"),
        Bars("cpu_us", "CPU per delivery, µs", _bus, _workers, {"kind": "deliveries"}),
    ),
)
