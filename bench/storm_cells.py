"""One storm of one size on a fresh gateway: what is measured there, and how it becomes numbers.

Owns nothing beyond the two children and the file of clients while they run.
"""

import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.cells import BUSY_LIMIT, GENERATOR_CORE, SERVER_CORE
from bench.cpu import usage
from bench.footprint import Resident, open_descriptors, resident, waited_for_core_s
from bench.open_loop import quantile_ms
from bench.processes import Running, run_server
from bench.storm_dialogue import Resume, client_lines
from bench.storm_load import StormLoad, StormResult, run_storm_load
from bench.storm_server import authenticated_server, fill_rooms, is_turning

__all__ = ["StormCell", "StormSetting", "measure_storm"]

_LET_GO_S = 60.0
_LOOK_AGAIN_S = 0.02
_DISTURBED = 0.05
_KIB = 1024


@dataclass(frozen=True, slots=True)
class StormSetting:
    """``clients`` come back as ``resume`` says, at most ``in_flight`` on their way at any time."""

    clients: int
    resume: Resume
    in_flight: int

    @property
    def warm_up(self) -> int:
        """Clients that come and go before: few, as memory they leave behind is not counted to the storm."""
        return max(1, min(50, self.clients // 100))


@dataclass(frozen=True, slots=True)
class StormCell:
    """What one storm gave; times from the beginning of the storm, CPU time of the server, memory per connection.

    ``rss_kib`` and ``pss_kib`` are what the server grew by until all were live; ``left_kib`` the part of ``rss_kib``
    that it still had when all were gone. ``gone_s`` goes from the first abort until it held no connection any more.
    ``server_waited`` is the share of the storm in which the server could have run while its core ran something else.
    """

    round: int
    clients: int
    topics: int
    missed: int
    in_flight: int
    replayed: int
    wall_s: float
    live_per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    rss_before_mib: float
    rss_kib: float
    pss_kib: float
    left_kib: float
    gone_s: float
    gone_cpu_us: float
    server_busy: float
    server_waited: float
    generator_busy: float

    @property
    def generator_limited(self) -> bool:
        """Whether the load generator had no time left, so that it measured itself."""
        return self.generator_busy > BUSY_LIMIT

    @property
    def disturbed(self) -> bool:
        """Whether something else took so much of the server's core that the times are its work as well."""
        return self.server_waited > _DISTURBED


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the server has used and holds at one moment."""

    cpu_s: float
    waited_s: float
    memory: Resident


def measure_storm(setting: StormSetting, round_: int, program: Path) -> StormCell:
    """Start a gateway and the load generator ``program``, let the clients come back, and abort them all.

    Raises: Unavailable, ServerDied, GeneratorFailed, RuntimeError, or OSError when the server ends meanwhile.
    """
    secret = secrets.token_hex(32)
    server = authenticated_server(setting.clients, secret)
    with run_server(server, SERVER_CORE) as running, tempfile.TemporaryDirectory() as folder:
        clients = Path(folder) / "clients"
        seen = fill_rooms(running.port, setting.resume, secret)
        clients.write_text("".join(client_lines(setting.clients, setting.resume, seen, secret, time.time())))
        with run_storm_load(program, running.port, setting.resume, clients, GENERATOR_CORE) as load:
            return _measure(setting, round_, running, load)


def _measure(setting: StormSetting, round_: int, running: Running, load: StormLoad) -> StormCell:
    idle = open_descriptors(running.pid)
    load.storm(setting.warm_up, setting.in_flight)
    _abort_all(load, running, idle)
    before = _read(running.pid)
    result = load.storm(setting.clients, setting.in_flight)
    live = _read(running.pid)
    gone_s = _abort_all(load, running, idle)
    return _cell(setting, round_, result, gone_s, before, live, _read(running.pid))


def _abort_all(load: StormLoad, running: Running, idle: int) -> float:
    """Abort everybody; returns the seconds until the server has as few descriptors as when it was ``idle``.

    Raises: RuntimeError when that takes more than a minute, or the server is not healthy then.
    """
    start_s = time.monotonic()
    load.abort()
    while (held := open_descriptors(running.pid)) > idle:
        if time.monotonic() > start_s + _LET_GO_S:
            raise RuntimeError(f"{held - idle} aborted connections are still open after {_LET_GO_S:g} s")
        time.sleep(_LOOK_AGAIN_S)
    gone_s = time.monotonic() - start_s
    # What the last connections leave to be done is done a turn of the loop later, and belongs to them.
    if not is_turning(running.port):
        raise RuntimeError("the gateway is not healthy once its clients are gone; run it by hand, look at its log")
    return gone_s


def _read(pid: int) -> _Reading:
    return _Reading(usage(pid).cpu_s, waited_for_core_s(pid), resident(pid))


def _cell(
    setting: StormSetting,
    round_: int,
    result: StormResult,
    gone_s: float,
    before: _Reading,
    live: _Reading,
    gone: _Reading,
) -> StormCell:
    clients, cpu_s = setting.clients, live.cpu_s - before.cpu_s
    return StormCell(
        round=round_,
        clients=clients,
        topics=setting.resume.topics,
        missed=setting.resume.missed,
        in_flight=setting.in_flight,
        replayed=result.replayed,
        wall_s=result.wall_s,
        live_per_s=clients / result.wall_s,
        cpu_us=cpu_s * 1e6 / clients,
        p50_ms=_quantile_ms(result, 0.50),
        p99_ms=_quantile_ms(result, 0.99),
        max_ms=result.wall_s * 1000,
        rss_before_mib=before.memory.rss_bytes / _KIB / _KIB,
        rss_kib=(live.memory.rss_bytes - before.memory.rss_bytes) / _KIB / clients,
        pss_kib=(live.memory.pss_bytes - before.memory.pss_bytes) / _KIB / clients,
        left_kib=(gone.memory.rss_bytes - before.memory.rss_bytes) / _KIB / clients,
        gone_s=gone_s,
        gone_cpu_us=(gone.cpu_s - live.cpu_s) * 1e6 / clients,
        server_busy=cpu_s / result.wall_s,
        server_waited=(live.waited_s - before.waited_s) / result.wall_s,
        generator_busy=result.generator_cpu_s / result.wall_s,
    )


def _quantile_ms(result: StormResult, share: float) -> float:
    """Of a storm in which everybody became live; a slot's upper end may lie behind the last of them, a time may not."""
    within_ms = quantile_ms(result, share)
    assert within_ms is not None
    return min(within_ms, result.wall_s * 1000)
