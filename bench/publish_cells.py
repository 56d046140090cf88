"""One way of publishing over HTTP to a fresh gateway: what is measured there, and how it becomes numbers.

Owns nothing beyond the two children and the file of subscribers while they run.
"""

import secrets
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cells import BUSY_LIMIT, GENERATOR_CORE, SERVER_CORE
from bench.cpu import usage
from bench.footprint import waited_for_core_s
from bench.open_loop import quantile_ms
from bench.processes import Running, run_server
from bench.publish_load import PublishLoad, PublishResult, Times, run_publish_load
from bench.servers import Server
from bench.storm_dialogue import sign
from bench.storm_server import authenticated_server
from bench.stream_cells import StreamCell, StreamSetting, measure_stream
from bench.stream_dialogue import Tab, tab_lines

__all__ = ["TEXT", "PublishCell", "PublishSetting", "measure_idle", "measure_publishing"]

# What arrives has about 180 bytes. A batch of 1,000 of these is more than the 64 KiB of a body that are the default.
TEXT = " token"
_BODY_BYTES = 256 * 1024
_WARM_UP_S = 0.5
_DISTURBED = 0.05
_IDLE_PER_S, _IDLE_TICK_MS = 100, 10


@dataclass(frozen=True, slots=True)
class PublishSetting:
    """``in_flight`` connections, each with one request of ``batch`` messages on its way; ``subscribers`` are 0 or 1."""

    batch: int
    in_flight: int
    subscribers: int


@dataclass(frozen=True, slots=True)
class PublishCell:
    """What one window gave; ``answer_*`` go from sending a request to its answer, ``arrival_*`` to the subscriber.

    ``cpu_us`` is the server's user and system time per message. ``server_waited`` is the share of the window in which
    the server could have run while its core ran something else.
    """

    round: int
    batch: int
    in_flight: int
    subscribers: int
    messages: int
    refused: int
    messages_per_s: float
    cpu_us: float
    answer_p50_ms: float
    answer_p99_ms: float
    arrival_p50_ms: float | None
    arrival_p99_ms: float | None
    server_busy: float
    server_waited: float
    generator_busy: float

    @property
    def generator_limited(self) -> bool:
        """Whether the load generator had no time left, so that it measured itself."""
        return self.generator_busy > BUSY_LIMIT

    @property
    def disturbed(self) -> bool:
        """Whether something else took so much of the server's core that rates and times are its work as well."""
        return self.server_waited > _DISTURBED


def measure_publishing(setting: PublishSetting, seconds: float, round_: int, program: Path) -> PublishCell:
    """Start a gateway and the load generator ``program``, and publish in a closed loop.

    Raises: Unavailable, ServerDied, GeneratorFailed, or OSError when the server ends meanwhile.
    """
    secret, now_s = secrets.token_hex(32), time.time()
    token = sign(secret, "backend", now_s, publish=["bench:*"])
    with run_server(_server(secret), SERVER_CORE) as running, tempfile.TemporaryDirectory() as folder:
        tabs = Path(folder) / "tabs"
        tabs.write_text("".join(tab_lines([Tab(0, 1)] * setting.subscribers, secret, now_s)))
        with run_publish_load(program, running.port, tabs, setting.in_flight, TEXT, token, GENERATOR_CORE) as load:
            return _measure(setting, seconds, round_, running, load)


def measure_idle(seconds: float, round_: int, program: Path) -> StreamCell:
    """One message every 10 ms to one subscriber, in an open loop: the gateway has nothing else to do.

    ``program`` is ``stream_load``. Raises: as ``measure_publishing``.
    """
    setting = StreamSetting(
        tabs=[Tab(0, 1)],
        topics=1,
        backends=1,
        tick_ms=_IDLE_TICK_MS,
        max_batch=1,
        messages_per_s=_IDLE_PER_S,
        seconds=seconds,
        text=TEXT,
    )
    return measure_stream(setting, round_, program)


def _server(secret: str) -> Server:
    server = authenticated_server(1, secret)
    return replace(server, environment={**server.environment, "FANWIRE_SERVER__MAX_FRAME_BYTES": str(_BODY_BYTES)})


def _measure(setting: PublishSetting, seconds: float, round_: int, running: Running, load: PublishLoad) -> PublishCell:
    load.begin(setting.batch, min(_WARM_UP_S, seconds), seconds)
    before_s, waited_s = usage(running.pid).cpu_s, waited_for_core_s(running.pid)
    load.run()
    cpu_s, waited_s = usage(running.pid).cpu_s - before_s, waited_for_core_s(running.pid) - waited_s
    return _cell(setting, round_, load.result(), cpu_s, waited_s)


def _cell(setting: PublishSetting, round_: int, result: PublishResult, cpu_s: float, waited_s: float) -> PublishCell:
    return PublishCell(
        round=round_,
        batch=setting.batch,
        in_flight=setting.in_flight,
        subscribers=setting.subscribers,
        messages=result.messages,
        refused=result.refused,
        messages_per_s=(result.messages - result.refused) / result.wall_s,
        cpu_us=cpu_s * 1e6 / result.messages,
        answer_p50_ms=_came_within_ms(Times(result.answers), 0.50) or 0.0,
        answer_p99_ms=_came_within_ms(Times(result.answers), 0.99) or 0.0,
        arrival_p50_ms=_came_within_ms(Times(result.deliveries), 0.50),
        arrival_p99_ms=_came_within_ms(Times(result.deliveries), 0.99),
        server_busy=cpu_s / result.wall_s,
        server_waited=waited_s / result.wall_s,
        generator_busy=result.generator_cpu_s / result.wall_s,
    )


def _came_within_ms(times: Times, share: float) -> float | None:
    """None where nothing was timed: there was no subscriber."""
    return quantile_ms(times, share) if times.due else None
