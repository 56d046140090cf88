"""Turns raw cells of ``bench.publish_throughput`` into medians and verdicts as text. Pure: no clock, no file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.publish_cells import PublishCell
from bench.stream_cells import StreamCell
from bench.table import render_table

__all__ = [
    "TARGET_BATCHED_PER_S",
    "TARGET_IDLE_MS",
    "TARGET_SINGLE_PER_S",
    "PublishRow",
    "render_publishing",
    "summarise_publishing",
]

TARGET_SINGLE_PER_S, TARGET_BATCHED_PER_S, TARGET_IDLE_MS = 4000, 50_000, 0.2
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


def render_publishing(cells: Sequence[PublishCell], idle: Sequence[StreamCell]) -> str:
    """The rows as a Markdown table, and below it how they meet the targets."""
    rows = summarise_publishing(cells)
    blocks = [render_table(_HEADINGS, map(_line, rows))]
    if refused := sum(row.refused for row in rows):
        blocks.append(f"{refused:,} messages were refused; they are not in the rates.")
    if any(row.generator_limited for row in rows):
        blocks.append("(*) load generator limited: the server's CPU is valid, rates and times are the generator's own.")
    if any(row.disturbed for row in rows):
        blocks.append("(!) in some round something else ran on the server's core while the server had work to do.")
    return "\n\n".join([*blocks, "\n".join(["Targets:", *_verdicts(rows), *_idle_verdict(idle)])])


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


def _verdicts(rows: Sequence[PublishRow]) -> list[str]:
    single, batched = [row for row in rows if row.batch == 1], [row for row in rows if row.batch > 1]
    lines = []
    if single:
        lines.append(_rate_verdict("single", TARGET_SINGLE_PER_S, single))
    if batched:
        lines.append(_rate_verdict("in batches", TARGET_BATCHED_PER_S, batched))
    return lines


def _rate_verdict(what: str, target: int, rows: Sequence[PublishRow]) -> str:
    best = max(rows, key=lambda row: row.messages_per_s)
    cheapest = max(row.per_s_by_cpu for row in rows)
    verdict = "met" if best.messages_per_s >= target else "MISSED"
    best_of = f"{best.messages_per_s:,.0f}, {cheapest:,.0f} by CPU time alone"
    return f"- at least {target:,} messages a second {what}: {best_of}: {verdict}{_doubt(best)}"


def _idle_verdict(cells: Sequence[StreamCell]) -> list[str]:
    times_ms = [float("inf") if cell.p50_ms is None else cell.p50_ms for cell in cells]
    if not times_ms:
        return []
    doubt = " (!)" if any(cell.disturbed for cell in cells) else ""
    late_ms = median([float("inf") if cell.p99_ms is None else cell.p99_ms for cell in cells])
    generator_ms = max(cell.generator_late_ms for cell in cells)
    verdict = "met" if median(times_ms) <= TARGET_IDLE_MS else "MISSED"
    return [
        f"- from due to socket at an idle gateway at most {TARGET_IDLE_MS:g} ms in the median: {median(times_ms):.3f} "
        f"(p99 {late_ms:.3f}): {verdict}{doubt}; the load generator itself was late by {generator_ms:.3f} ms at most"
    ]


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
