"""One server under one number of subscribers: what is measured there, and how a window becomes numbers.

Owns nothing beyond the two children while they run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.closed_loop import LoopResult
from bench.cpu import Usage, usage
from bench.dialogue import publish_text
from bench.generator import Generator, run_generator
from bench.processes import run_server
from bench.servers import Server

__all__ = ["BUSY_LIMIT", "GENERATOR_CORE", "SERVER_CORE", "WARM_UP", "Cell", "measure_server", "percentile"]

SERVER_CORE, GENERATOR_CORE = 0, 1
WARM_UP = 50
BUSY_LIMIT = 0.9
_DELIVERED_BYTES = 180
# Of fewer messages the slowest would be the p99; with 10,000 subscribers one takes a slow server half a second.
_MIN_MESSAGES = 100
_STEP_S = 300.0


@dataclass(frozen=True, slots=True)
class Cell:
    """What one window of publishing gave, for one server with ``subscribers`` in one round.

    ``cpu_us`` is the server's user + system time per delivery; ``p50_ms`` and ``p99_ms`` go from a publish
    to its last subscriber; ``rss_kib`` is resident memory per connection; ``*_busy`` are shares of a core.
    """

    round: int
    server: str
    subscribers: int
    outstanding: int
    messages: int
    deliveries_per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    rss_kib: float
    connects_per_s: float
    server_busy: float
    generator_busy: float
    payload_bytes: float

    @property
    def generator_limited(self) -> bool:
        """Whether the load generator had no time left: only the server's CPU is valid then."""
        return self.generator_busy > BUSY_LIMIT


@dataclass(frozen=True, slots=True)
class _Connected:
    """How the subscribers of a run came in."""

    rss_kib: float
    per_s: float


def measure_server(
    server: Server,
    subscribers: int,
    outstanding: list[int],
    seconds: float,
    round_: int,
    program: Path | None,
) -> Iterator[Cell]:
    """Start ``server`` and a load generator, and yield one cell per number in ``outstanding``.

    ``program`` is the C load generator, or None for the Python one.

    Raises: ServerDied, GeneratorFailed.
    """
    publish = publish_text(_DELIVERED_BYTES, server.adds_bytes)
    with (
        run_server(server, SERVER_CORE) as running,
        run_generator(
            running.port, subscribers, publish, GENERATOR_CORE, _STEP_S + seconds, program, server.dialect
        ) as generator,
    ):
        connected = _connect(generator, running.pid, subscribers)
        for depth in outstanding:
            before, after, result = _window(generator, running.pid, depth, seconds)
            cpu_s = after.cpu_s - before.cpu_s
            yield _cell(round_, server.name, subscribers, depth, connected, cpu_s, result)


def percentile(ordered: list[int], share: float) -> int:
    """The value below which ``share`` (0 to 1) of the ``ordered`` values lie, by the nearest rank."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _connect(generator: Generator, pid: int, subscribers: int) -> _Connected:
    # The publisher is connected already: what a server loads at its first connection is not counted.
    generator.expect("publisher")
    before = usage(pid)
    generator.tell("go")
    seconds = float(generator.expect("connected"))
    grown = usage(pid).rss_bytes - before.rss_bytes
    return _Connected(grown / subscribers / 1024, subscribers / seconds)


def _window(generator: Generator, pid: int, outstanding: int, seconds: float) -> tuple[Usage, Usage, LoopResult]:
    # Nothing is outstanding when the counters are read, at either end: every delivery is paid for inside.
    generator.tell(f"run {outstanding} {max(WARM_UP, outstanding)} {seconds} {_MIN_MESSAGES}")
    generator.expect("begin")
    before = usage(pid)
    generator.tell("go")
    generator.expect("end")
    after = usage(pid)
    return before, after, generator.result()


def _cell(
    round_: int,
    server: str,
    subscribers: int,
    outstanding: int,
    connected: _Connected,
    cpu_s: float,
    result: LoopResult,
) -> Cell:
    deliveries = result.messages * subscribers
    latencies_us = sorted(result.latencies_us)
    return Cell(
        round=round_,
        server=server,
        subscribers=subscribers,
        outstanding=outstanding,
        messages=result.messages,
        deliveries_per_s=deliveries / result.wall_s,
        cpu_us=cpu_s * 1e6 / deliveries,
        p50_ms=percentile(latencies_us, 0.50) / 1000,
        p99_ms=percentile(latencies_us, 0.99) / 1000,
        rss_kib=connected.rss_kib,
        connects_per_s=connected.per_s,
        server_busy=cpu_s / result.wall_s,
        generator_busy=result.generator_cpu_s / result.wall_s,
        payload_bytes=result.delivered_bytes / deliveries,
    )
