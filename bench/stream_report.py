"""Turns raw cells of ``bench.token_stream`` and ``bench.many_topics`` into medians, and those into text. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.panels import Bars, Lines, panels
from bench.question import Question, Values, typed
from bench.stream_cells import StreamCell
from bench.tables import markdown_table

__all__ = [
    "MANY_TOPICS",
    "TOKEN_STREAM",
    "StreamRow",
    "render_many_topics",
    "render_token_streams",
    "summarise_streams",
]

_LIMITED = "(*) load generator limited: the server's CPU is valid, rates and times are the generator's own."
_DISTURBED = "(!) in some round something else ran on the server's core while the server had work to do."
_STREAM_HEADINGS = (
    "a second each",
    "deliveries/s",
    "held",
    "p50 ms",
    "p99 ms",
    "max ms",
    "lag ms, by quarters",
    "CPU µs/token",
    "CPU µs/delivery",
    "core needed",
    "server busy",
    "load busy",
)
_TOPIC_HEADINGS = (
    "topics",
    "connections",
    "messages/s",
    "held",
    "p50 ms",
    "p99 ms",
    "max ms",
    "CPU µs/delivery",
    "KiB/connection",
    "KiB/topic",
    "KiB/history",
    "server busy",
    "load busy",
)


@dataclass(frozen=True, slots=True)
class StreamRow:
    """The medians of one rate; units as in ``StreamCell``. ``held`` and all doubts are those of the worst round."""

    topics: int
    tabs: int
    messages_per_s: int
    deliveries_per_s: float
    held: bool
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    quarters_ms: Sequence[float | None]
    message_cpu_us: float
    delivery_cpu_us: float
    tab_kib: float
    topic_kib: float
    history_kib: float
    server_busy: float
    generator_busy: float
    generator_late_ms: float
    generator_limited: bool
    disturbed: bool

    @property
    def core_needed(self) -> float:
        """The share of a core that this rate takes. At a rate that is not held, larger batches make it too low."""
        return self.messages_per_s * self.message_cpu_us / 1e6


def summarise_streams(cells: Sequence[StreamCell]) -> list[StreamRow]:
    """One row per setting, in the order of rates."""
    settings = sorted({(cell.messages_per_s, cell.topics, cell.tabs) for cell in cells})
    return [
        _row([cell for cell in cells if (cell.messages_per_s, cell.topics, cell.tabs) == setting])
        for setting in settings
    ]


def render_token_streams(rows: Sequence[StreamRow]) -> str:
    """A table of the rates, and below it which is the highest that was held."""
    lines = (
        (
            f"{row.messages_per_s / row.topics:g}",
            f"{row.deliveries_per_s:,.0f}",
            _held(row),
            _ms(row.p50_ms),
            _ms(row.p99_ms),
            _ms(row.max_ms),
            " ".join(map(_ms, row.quarters_ms)),
            f"{row.message_cpu_us:.1f}",
            f"{row.delivery_cpu_us:.1f}",
            f"{row.core_needed:.0%}",
            f"{row.server_busy:.0%}",
            f"{row.generator_busy:.0%}",
        )
        for row in rows
    )
    return "\n\n".join([markdown_table(_STREAM_HEADINGS, lines, words=0), *_doubts(rows), _verdict(rows)])


def render_many_topics(rows: Sequence[StreamRow]) -> str:
    """A table of the settings."""
    lines = (
        (
            f"{row.topics:,}",
            f"{row.tabs:,}",
            f"{row.messages_per_s:,}",
            _held(row),
            _ms(row.p50_ms),
            _ms(row.p99_ms),
            _ms(row.max_ms),
            f"{row.delivery_cpu_us:.1f}",
            f"{row.tab_kib:.1f}",
            f"{row.topic_kib:.1f}",
            f"{row.history_kib:.1f}",
            f"{row.server_busy:.0%}",
            f"{row.generator_busy:.0%}",
        )
        for row in rows
    )
    return "\n\n".join([markdown_table(_TOPIC_HEADINGS, lines, words=0), *_doubts(rows)])


def _row(cells: list[StreamCell]) -> StreamRow:
    def middle(value: Callable[[StreamCell], float]) -> float:
        return median(map(value, cells))

    return StreamRow(
        topics=cells[0].topics,
        tabs=cells[0].tabs,
        messages_per_s=cells[0].messages_per_s,
        deliveries_per_s=middle(lambda cell: cell.due * cell.messages_per_s / cell.messages),
        held=all(cell.keeps_up for cell in cells),
        p50_ms=_median_or_none(cell.p50_ms for cell in cells),
        p99_ms=_median_or_none(cell.p99_ms for cell in cells),
        max_ms=_median_or_none(cell.max_ms for cell in cells),
        quarters_ms=[_median_or_none(times) for times in zip(*(cell.quarters_ms for cell in cells), strict=True)],
        message_cpu_us=middle(lambda cell: cell.message_cpu_us),
        delivery_cpu_us=middle(lambda cell: cell.delivery_cpu_us),
        tab_kib=middle(lambda cell: cell.tab_kib),
        topic_kib=middle(lambda cell: cell.topic_kib),
        history_kib=middle(lambda cell: cell.history_kib),
        server_busy=middle(lambda cell: cell.server_busy),
        generator_busy=middle(lambda cell: cell.generator_busy),
        generator_late_ms=max(cell.generator_late_ms for cell in cells),
        generator_limited=any(cell.generator_limited for cell in cells),
        disturbed=any(cell.disturbed for cell in cells),
    )


def _median_or_none(times_ms: Iterable[float | None]) -> float | None:
    """None ranks behind every time: where it is in the middle, so is the median."""
    ranked = sorted(float("inf") if time_ms is None else time_ms for time_ms in times_ms)
    middle = median(ranked)
    return None if middle == float("inf") else middle


def _verdict(rows: Sequence[StreamRow]) -> str:
    held = [row for row in rows if row.held]
    fitting = [row for row in rows if row.core_needed <= 1]
    return (
        f"Highest rate held by one core: {_rate_of(held)}.\n"
        f"Highest that needs no more than one core by CPU time alone: {_rate_of(fitting)}."
    )


def _rate_of(rows: Sequence[StreamRow]) -> str:
    if not rows:
        return "none of these"
    best = rows[-1]
    each = f"{best.messages_per_s / best.topics:g} tokens a second each"
    return f"{each}, {best.deliveries_per_s:,.0f} deliveries to {best.tabs:,} tabs"


def _doubts(rows: Sequence[StreamRow]) -> list[str]:
    late_ms = max((row.generator_late_ms for row in rows), default=0.0)
    late = [f"The load generator was late by {late_ms:.1f} ms at most, which the times include."]
    limited = [_LIMITED] if any(row.generator_limited for row in rows) else []
    return late + limited + ([_DISTURBED] if any(row.disturbed for row in rows) else [])


def _held(row: StreamRow) -> str:
    doubt = (" (*)" if row.generator_limited else "") + (" (!)" if row.disturbed else "")
    return ("yes" if row.held else "NO") + doubt


def _ms(time_ms: float | None) -> str:
    return "never" if time_ms is None else f"{time_ms:.1f}"


def _summarise(cells: Sequence[Values]) -> list[Values]:
    return [asdict(row) for row in summarise_streams(typed(StreamCell, cells))]


def _connections(row: Values) -> str:
    return f"fanwire, {row['topics'] / row['tabs']:g} each"


TOKEN_STREAM = Question(
    "token_stream",
    _summarise,
    render=lambda rows: render_token_streams(typed(StreamRow, rows)),
    draw=panels(
        Lines("deliveries_per_s", "p50_ms", "deliveries/s", "due to tab, p50, ms", lambda row: "fanwire", log=True),
        Lines("deliveries_per_s", "p99_ms", "deliveries/s", "due to tab, p99, ms", lambda row: "fanwire", log=True),
        Lines("deliveries_per_s", "delivery_cpu_us", "deliveries/s", "CPU per delivery, µs", lambda row: "fanwire"),
    ),
)
MANY_TOPICS = Question(
    "many_topics",
    _summarise,
    render=lambda rows: render_many_topics(typed(StreamRow, rows)),
    draw=panels(
        Bars("delivery_cpu_us", "CPU per delivery, µs", _connections),
        Bars("p99_ms", "due to arrival, p99, ms", _connections),
        Bars("topic_kib", "RSS per topic, KiB", _connections),
    ),
)
