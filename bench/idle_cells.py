"""So many idle connections to one fresh server: what is measured there, and how it becomes numbers.

Owns nothing beyond the two children and the files of tabs while they run.
"""

import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cells import GENERATOR_CORE, SERVER_CORE
from bench.cpu import usage
from bench.footprint import open_descriptors, resident
from bench.processes import Running, run_server
from bench.servers import Server, resolve
from bench.storm_server import authenticated_server
from bench.stream_dialogue import Tab, tab_lines
from bench.stream_load import Backends, StreamLoad, run_stream_load

__all__ = ["SERVERS", "IdleCell", "idle_server", "measure_idle"]

SERVERS = ("fanwire", "websockets", "fastapi")
_WITH_HEARTBEAT = "fanwire"
_MOST_WARM_UP, _WARM_UP_SHARE = 50, 100
_LET_GO_S, _LOOK_AGAIN_S = 30.0, 0.02
_KIB = 1024
# Nothing is published, so that these are never connected.
_NO_BACKENDS = Backends(count=1, topics=1, tick_us=1_000_000, max_batch=1, text="", token="")


@dataclass(frozen=True, slots=True)
class IdleCell:
    """What ``connections`` cost; KiB for each, when all were subscribed and in the end.

    ``pings`` came for each connection meanwhile, and ``idle_busy`` is the share of a core that the server then used.
    """

    round: int
    server: str
    connections: int
    rss_kib: float
    pss_kib: float
    end_rss_kib: float
    end_pss_kib: float
    idle_s: float
    pings: float
    idle_busy: float
    connects_per_s: float


def idle_server(name: str, connections: int, secret: str) -> Server:
    """One of SERVERS, with room for ``connections``. Raises: Unavailable where something it needs is missing."""
    return authenticated_server(connections, secret) if name == "fanwire" else resolve(name)


def measure_idle(name: str, connections: int, seconds: float, round_: int, program: Path) -> IdleCell:
    """Start the server and the load generator ``program``, connect everybody and let ``seconds`` of heartbeat pass.

    Raises: Unavailable, ServerDied, GeneratorFailed, RuntimeError, or OSError when the server ends meanwhile.
    """
    secret = secrets.token_hex(32)
    idle_s = seconds if name == _WITH_HEARTBEAT else 0.0
    with run_server(idle_server(name, connections, secret), SERVER_CORE) as running:
        _warm_up(running, connections, secret, program)
        before = resident(running.pid)
        with _tabs(running, connections, secret, program) as load:
            connect_s = load.connect() + load.subscribe()
            subscribed = resident(running.pid)
            cpu_s, began_s = usage(running.pid).cpu_s, time.monotonic()
            pings = load.idle(idle_s)
            cpu_s, took_s = usage(running.pid).cpu_s - cpu_s, time.monotonic() - began_s
            end = resident(running.pid)
    return IdleCell(
        round=round_,
        server=name,
        connections=connections,
        rss_kib=_each(subscribed.rss_bytes - before.rss_bytes, connections),
        pss_kib=_each(subscribed.pss_bytes - before.pss_bytes, connections),
        end_rss_kib=_each(end.rss_bytes - before.rss_bytes, connections),
        end_pss_kib=_each(end.pss_bytes - before.pss_bytes, connections),
        idle_s=idle_s,
        pings=pings / connections,
        idle_busy=cpu_s / took_s if idle_s else 0.0,
        connects_per_s=connections / connect_s,
    )


def _each(grown_bytes: int, connections: int) -> float:
    return grown_bytes / _KIB / connections


def _warm_up(running: Running, connections: int, secret: str, program: Path) -> None:
    """Some come and go. Raises: RuntimeError when the server still holds them half a minute later."""
    held = open_descriptors(running.pid)
    few = max(1, min(_MOST_WARM_UP, connections // _WARM_UP_SHARE))
    with _tabs(running, few, secret, program) as load:
        load.connect()
        load.subscribe()
    deadline_s = time.monotonic() + _LET_GO_S
    while open_descriptors(running.pid) > held:
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"connections that are gone are still open after {_LET_GO_S:g} s")
        time.sleep(_LOOK_AGAIN_S)


@contextmanager
def _tabs(running: Running, count: int, secret: str, program: Path) -> Iterator[StreamLoad]:
    with tempfile.TemporaryDirectory() as folder:
        tabs = Path(folder) / "tabs"
        tabs.write_text("".join(tab_lines([Tab(0, 1)] * count, secret, time.time())))
        with run_stream_load(program, running.port, tabs, _NO_BACKENDS, GENERATOR_CORE) as load:
            yield load
