"""One server at one rate with some subscribers stalled: what is measured there, and how it becomes numbers.

Owns nothing beyond the two children while they run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.cells import BUSY_LIMIT, GENERATOR_CORE, SERVER_CORE
from bench.cpu import Usage, usage
from bench.dialogue import publish_text
from bench.footprint import open_sockets, peak_rss_bytes, reset_peak_rss, waited_for_core_s
from bench.open_loop import OpenLoad, OpenLoopResult, Stalls, quantile_ms, run_open_load
from bench.processes import run_server
from bench.servers import Server

__all__ = ["MIN_MESSAGES", "Setting", "StallCell", "Subject", "keeps_up", "measure_stalls"]

# What a stalled connection can hide: about 90 KiB in the kernel and 64 KiB in asyncio's transport, at 1 KiB a message.
MIN_MESSAGES = 250
_DELIVERED_BYTES = 1024
_WARM_UP = 20
_WARM_UP_RATE = 20
_PATIENCE_S = 4.0
_PROBE_S = 2.0
_PROBE_PATIENCE_S = 0.5
_KEEPS_UP_MS = 250.0
_DISTURBED = 0.05
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Subject:
    """A server under one overflow policy; ``policy`` is "–" for servers that have none."""

    server: Server
    policy: str

    @property
    def name(self) -> str:
        return self.server.name if self.policy == "–" else f"{self.server.name} ({self.policy})"


@dataclass(frozen=True, slots=True)
class Setting:
    """``rate`` messages a second for ``seconds`` to ``subscribers``, of which ``stalled_percent`` never read."""

    rate: int
    stalled_percent: int
    subscribers: int
    seconds: float

    @property
    def messages(self) -> int:
        """How many are published: at least as many as fill every buffer in front of a stalled subscriber."""
        return max(round(self.rate * self.seconds), MIN_MESSAGES)

    @property
    def window_s(self) -> float:
        return self.messages / self.rate

    @property
    def stalls(self) -> Stalls:
        stalled = round(self.subscribers * self.stalled_percent / 100)
        return Stalls(self.subscribers - stalled, stalled)


@dataclass(frozen=True, slots=True)
class StallCell:
    """What one window gave, over all healthy subscribers; times in the units named, memory in MiB.

    A quantile is None where so many deliveries never came. ``max_ms`` is the slowest that did. ``let_go`` counts
    the connections that the server no longer holds at the end of the window; ``fates`` says what the stalled
    subscribers find when they read on after it. ``server_waited`` is the share of the window in which the server
    could have run while its core ran something else. The rest as in ``OpenLoopResult``.
    """

    round: int
    server: str
    policy: str
    rate: int
    stalled_percent: int
    subscribers: int
    stalled: int
    messages: int
    window_s: float
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    due: int
    missing: int
    disordered: int
    refused: int
    healthy_ended: int
    publisher_ended: int
    unsent: int
    last_delivery_s: float
    rss_before_mib: float
    rss_growth_mib: float
    rss_peak_growth_mib: float
    server_busy: float
    server_waited: float
    generator_busy: float
    late_ms: float
    let_go: int
    fates: Mapping[str, int]

    @property
    def generator_limited(self) -> bool:
        """Whether the load generator had no time left, so that it measured itself."""
        return self.generator_busy > BUSY_LIMIT

    @property
    def disturbed(self) -> bool:
        """Whether something else took so much of the server's core that the latencies are its work as well."""
        return self.server_waited > _DISTURBED


@dataclass(frozen=True, slots=True)
class _Footprint:
    """What the server held and had used before the window, and afterwards (``peak_bytes``: within it)."""

    before: Usage
    after: Usage
    peak_bytes: int
    let_go: int
    waited_s: float


def measure_stalls(subject: Subject, setting: Setting, round_: int, program: Path) -> StallCell:
    """Start the server and the load generator ``program``, stall some subscribers, and measure the others.

    Raises: ServerDied, GeneratorFailed, FileNotFoundError or ProcessLookupError when the server ends meanwhile.
    """
    publish = publish_text(_DELIVERED_BYTES, subject.server.adds_bytes)
    with (
        run_server(subject.server, SERVER_CORE) as running,
        run_open_load(
            program, running.port, setting.stalls, publish, GENERATOR_CORE, setting.window_s, subject.server.dialect
        ) as load,
    ):
        load.connect()
        load.run(_WARM_UP_RATE, _WARM_UP, _PATIENCE_S)
        footprint, result = _window(load, running.pid, setting)
        return _cell(subject, setting, round_, result, footprint, load.fates())


def keeps_up(server: Server, rate: int, subscribers: int, program: Path) -> bool:
    """Whether ``server`` carries ``rate`` with nobody stalled: in 2 s nothing is missing, and 99 % come within 250 ms.

    Raises: as ``measure_stalls``.
    """
    publish = publish_text(_DELIVERED_BYTES, server.adds_bytes)
    stalls = Stalls(subscribers, 0)
    with (
        run_server(server, SERVER_CORE) as running,
        run_open_load(program, running.port, stalls, publish, GENERATOR_CORE, _PROBE_S, server.dialect) as load,
    ):
        load.connect()
        load.run(min(rate, _WARM_UP_RATE), _WARM_UP, _PATIENCE_S)
        result = load.run(rate, max(10, round(rate * _PROBE_S)), _PROBE_PATIENCE_S)
    p99_ms = quantile_ms(result, 0.99)
    return result.received == result.due and p99_ms is not None and p99_ms <= _KEEPS_UP_MS


def _window(load: OpenLoad, pid: int, setting: Setting) -> tuple[_Footprint, OpenLoopResult]:
    reset_peak_rss(pid)
    before, sockets, waited_s = usage(pid), open_sockets(pid), waited_for_core_s(pid)
    result = load.run(setting.rate, setting.messages, _PATIENCE_S)
    after, let_go = usage(pid), max(0, sockets - open_sockets(pid))
    return _Footprint(before, after, peak_rss_bytes(pid), let_go, waited_for_core_s(pid) - waited_s), result


def _cell(
    subject: Subject,
    setting: Setting,
    round_: int,
    result: OpenLoopResult,
    footprint: _Footprint,
    fates: dict[str, int],
) -> StallCell:
    before, after = footprint.before, footprint.after
    return StallCell(
        round=round_,
        server=subject.server.name,
        policy=subject.policy,
        rate=setting.rate,
        stalled_percent=setting.stalled_percent,
        subscribers=setting.subscribers,
        stalled=setting.stalls.stalled,
        messages=setting.messages,
        window_s=setting.window_s,
        p50_ms=quantile_ms(result, 0.50),
        p99_ms=quantile_ms(result, 0.99),
        max_ms=result.histogram[-1][0] / 1000 if result.histogram else None,
        due=result.due,
        missing=result.due - result.received,
        disordered=result.disordered,
        refused=result.refused,
        healthy_ended=result.healthy_ended,
        publisher_ended=result.publisher_ended,
        unsent=result.unsent,
        last_delivery_s=result.last_delivery_s,
        rss_before_mib=before.rss_bytes / _MIB,
        rss_growth_mib=(after.rss_bytes - before.rss_bytes) / _MIB,
        rss_peak_growth_mib=(footprint.peak_bytes - before.rss_bytes) / _MIB,
        server_busy=(after.cpu_s - before.cpu_s) / result.wall_s,
        server_waited=footprint.waited_s / result.wall_s,
        generator_busy=result.generator_cpu_s / result.wall_s,
        late_ms=result.late_us / 1000,
        let_go=footprint.let_go,
        fates=fates,
    )
