"""Turns raw cells of ``bench.publish_throughput`` into medians, and those into text. Pure: no clock, no file.

There are two kinds of cells and rows: ``publish``, and ``idle`` for the latency at a gateway that does nothing else.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.panels import Bars, panels
from bench.publish_cells import PublishCell
from bench.question import Question, Values, typed
from bench.stream_cells import StreamCell
from bench.tables import markdown_table

__all__ = ["QUESTION", "PublishRow", "of_kind", "render_publishing", "summarise_publishing"]

_HEADINGS = (
    "batch",
    "in flight",
    "subscribers",
    "messages/s",
    "CPU µs",
    "by CPU",
    "answer p50 ms",
    "p99 ms",
    "arrival p50 ms",
    "p99 ms",
    "server busy",
    "load busy",
)


@dataclass(frozen=True, slots=True)
class PublishRow:
    """The medians of one way of publishing; units as in ``PublishCell``. The doubts are those of the worst round."""

    batch: int
    in_flight: int
    subscribers: int
    refused: int
    messages_per_s: float
    cpu_us: float
    answer_p50_ms: float
    answer_p99_ms: float
    arrival_p50_ms: float | None
    arrival_p99_ms: float | None
    server_busy: float
    generator_busy: float
    generator_limited: bool
    disturbed: bool

    @property
    def per_s_by_cpu(self) -> float:
        """How many messages fill a core, from their CPU time."""
        return 1e6 / self.cpu_us if self.cpu_us else float("inf")


def summarise_publishing(cells: Sequence[PublishCell]) -> list[PublishRow]:
    """One row per way of publishing: without a subscriber first, then from small batches to large."""
    ways = sorted({_way(cell) for cell in cells})
    return [_row([cell for cell in cells if _way(cell) == way]) for way in ways]


def render_publishing(rows: Sequence[PublishRow]) -> str:
    """The rows as a Markdown table, and below it what is in doubt."""
    blocks = [markdown_table(_HEADINGS, map(_line, rows), words=0)]
    if refused := sum(row.refused for row in rows):
        blocks.append(f"{refused:,} messages were refused; they are not in the rates.")
    if any(row.generator_limited for row in rows):
        blocks.append("(*) load generator limited: the server's CPU is valid, rates and times are the generator's own.")
    if any(row.disturbed for row in rows):
        blocks.append("(!) in some round something else ran on the server's core while the server had work to do.")
    return "\n\n".join(blocks)


def _way(cell: PublishCell) -> tuple[int, int, int]:
    return cell.subscribers, cell.batch, cell.in_flight


def _row(cells: list[PublishCell]) -> PublishRow:
    def middle(value: Callable[[PublishCell], float]) -> float:
        return median(map(value, cells))

    is_subscribed = cells[0].subscribers > 0
    return PublishRow(
        batch=cells[0].batch,
        in_flight=cells[0].in_flight,
        subscribers=cells[0].subscribers,
        refused=sum(cell.refused for cell in cells),
        messages_per_s=middle(lambda cell: cell.messages_per_s),
        cpu_us=middle(lambda cell: cell.cpu_us),
        answer_p50_ms=middle(lambda cell: cell.answer_p50_ms),
        answer_p99_ms=middle(lambda cell: cell.answer_p99_ms),
        arrival_p50_ms=middle(lambda cell: cell.arrival_p50_ms or 0.0) if is_subscribed else None,
        arrival_p99_ms=middle(lambda cell: cell.arrival_p99_ms or 0.0) if is_subscribed else None,
        server_busy=middle(lambda cell: cell.server_busy),
        generator_busy=middle(lambda cell: cell.generator_busy),
        generator_limited=any(cell.generator_limited for cell in cells),
        disturbed=any(cell.disturbed for cell in cells),
    )


def _idle_rows(cells: Sequence[StreamCell]) -> list[Values]:
    if not cells:
        return []
    middle = {name: _or_never(median(_late(getattr(cell, name)) for cell in cells)) for name in ("p50_ms", "p99_ms")}
    worst = {"generator_late_ms": max(cell.generator_late_ms for cell in cells)}
    disturbed = any(cell.disturbed for cell in cells)
    return [{"kind": "idle", "rounds": len(cells), **middle, **worst, "disturbed": disturbed}]


def _late(time_ms: float | None) -> float:
    return math.inf if time_ms is None else time_ms


def _or_never(time_ms: float) -> float | None:
    return None if math.isinf(time_ms) else time_ms


def _line(row: PublishRow) -> tuple[str, ...]:
    return (
        f"{row.batch:,}",
        f"{row.in_flight}",
        f"{row.subscribers}",
        f"{row.messages_per_s:,.0f}{_doubt(row)}",
        f"{row.cpu_us:.1f}",
        f"{row.per_s_by_cpu:,.0f}",
        f"{row.answer_p50_ms:.2f}",
        f"{row.answer_p99_ms:.2f}",
        _ms(row.arrival_p50_ms),
        _ms(row.arrival_p99_ms),
        f"{row.server_busy:.0%}",
        f"{row.generator_busy:.0%}",
    )


def _doubt(row: PublishRow) -> str:
    return (" (*)" if row.generator_limited else "") + (" (!)" if row.disturbed else "")


def _ms(time_ms: float | None) -> str:
    return "-" if time_ms is None else f"{time_ms:.2f}"


def of_kind(kind: str, cells: Iterable[Any]) -> list[Values]:
    """Cells or rows that are dataclasses, as mappings that name their ``kind``."""
    return [{"kind": kind, **asdict(cell)} for cell in cells]


def _without_kind(kind: str, values: Sequence[Values]) -> list[Values]:
    return [{name: each for name, each in value.items() if name != "kind"} for value in values if value["kind"] == kind]


def _summarise(cells: Sequence[Values]) -> list[Values]:
    publishing = summarise_publishing(typed(PublishCell, _without_kind("publish", cells)))
    return [*of_kind("publish", publishing), *_idle_rows(typed(StreamCell, _without_kind("idle", cells)))]


def _render(rows: Sequence[Values]) -> str:
    blocks = [render_publishing(typed(PublishRow, _without_kind("publish", rows)))]
    for row in _without_kind("idle", rows):
        doubt = " (!)" if row["disturbed"] else ""
        times = f"{_ms(row['p50_ms'])} ms in the median, p99 {_ms(row['p99_ms'])} ms"
        late = f"the load generator itself was late by {row['generator_late_ms']:.3f} ms at most"
        blocks.append(f"From due to socket at an idle gateway: {times}{doubt}; {late}.")
    return "\n\n".join(blocks)


def _way_of(row: Values) -> str:
    batch = "single" if row["batch"] == 1 else f"{row['batch']:,} in a batch"
    return f"fanwire, {batch}, {row['in_flight']} in flight"


def _audience(row: Values) -> str:
    return "1 subscriber" if row["subscribers"] == 1 else f"{row['subscribers']} subscribers"


QUESTION = Question(
    "publish_throughput",
    _summarise,
    _render,
    draw=panels(
        Bars("messages_per_s", "messages/s", _way_of, _audience, {"kind": "publish"}, log=True, form="{:,.0f}"),
        Bars("cpu_us", "CPU per message, µs", _way_of, _audience, {"kind": "publish"}, log=True),
    ),
)
