"""One bus with one number of workers: latency, throughput, and a storm onto a worker that has no history.

Owns nothing beyond the children while they run: store, gateway, load generator.
"""

import http.client
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.cells import BUSY_LIMIT, GENERATOR_CORE, SERVER_CORE, WARM_UP
from bench.cpu import children, pin, usage
from bench.dialogue import publish_text
from bench.footprint import waited_for_core_s
from bench.generator import run_generator
from bench.open_loop import Stalls, quantile_ms, run_open_load
from bench.processes import Running, run_server
from bench.scale_buses import BUSES, Store
from bench.servers import Server, resolve
from bench.storm_dialogue import Resume, client_lines
from bench.storm_load import StormLoad, run_storm_load
from bench.storm_server import authenticated_server, fill_rooms

__all__ = ["FreshCell", "LatencyCell", "ThroughputCell", "measure_latency", "measure_storm", "measure_throughput"]

_ROOMS, _MISSED = 100, 3
_RATE, _LATENCY_SUBSCRIBERS = 200, 50
_OUTSTANDING = 16
_DELIVERED_BYTES = 180
_PATIENCE_S, _STEP_S, _READY_S = 5.0, 120.0, 20.0
_IN_FLIGHT = 256
_DISTURBED = 0.05
_LOOK_AGAIN_S = 0.02
_SETTLE_S = 0.25
_NOT_ASKED = {"info", "ping"}  # the bench itself, and what only says that all is well


@dataclass(frozen=True, slots=True)
class LatencyCell:
    """From the time at which a publish was due to its arrival at a subscriber; over ``deliveries`` of them.

    ``server_waited`` is the share of the window in which the gateway could have run while its core ran something else.
    """

    round: int
    bus: str
    deliveries: int
    missing: int
    p50_ms: float
    p99_ms: float
    server_waited: float
    kind: str = "latency"

    @property
    def disturbed(self) -> bool:
        """Whether something else took so much of the server's core that the latencies are its work as well."""
        return self.server_waited > _DISTURBED


@dataclass(frozen=True, slots=True)
class ThroughputCell:
    """A closed loop; CPU in µs per delivery: of parent and all workers together, and of the store."""

    round: int
    bus: str
    workers: int
    deliveries_per_s: float
    cpu_us: float
    store_cpu_us: float
    generator_busy: float
    kind: str = "deliveries"

    @property
    def generator_limited(self) -> bool:
        """Whether the load generator had no time left, so that it measured itself."""
        return self.generator_busy > BUSY_LIMIT


@dataclass(frozen=True, slots=True)
class FreshCell:
    """All ``clients`` came to one worker; CPU in µs per client; ``asked`` counts the commands that the store got."""

    round: int
    bus: str
    is_fresh: bool
    clients: int
    live_per_s: float
    cpu_us: float
    store_cpu_us: float
    asked: Mapping[str, int] = field(default_factory=dict)
    kind: str = "storm"


def measure_latency(bus: str, seconds: float, round_: int, program: Path) -> LatencyCell:
    """An open loop at a rate that every bus carries with ease, one worker. Raises: as ``measure_throughput``."""
    server = resolve("fanwire")
    publish = publish_text(_DELIVERED_BYTES, server.adds_bytes)
    with (
        BUSES[bus]() as store,
        _gateway(server, store, 1) as running,
        run_open_load(program, running.port, Stalls(_LATENCY_SUBSCRIBERS, 0), publish, GENERATOR_CORE, seconds) as load,
    ):
        load.connect()
        load.run(_RATE, WARM_UP, _PATIENCE_S)
        before_s = waited_for_core_s(running.pid)
        result = load.run(_RATE, round(_RATE * seconds), _PATIENCE_S)
        waited = (waited_for_core_s(running.pid) - before_s) / result.wall_s
    p50_ms, p99_ms = quantile_ms(result, 0.50), quantile_ms(result, 0.99)
    if p50_ms is None or p99_ms is None:
        raise RuntimeError(f"{bus}: {result.due - result.received} of {result.due} deliveries never came")
    return LatencyCell(round_, bus, result.due, result.due - result.received, p50_ms, p99_ms, waited)


def measure_throughput(
    bus: str, workers: int, subscribers: int, seconds: float, round_: int, program: Path | None
) -> ThroughputCell:
    """As many messages as come back, 16 outstanding.

    Raises: Unavailable, ServerDied, GeneratorFailed, RuntimeError, or OSError when the server ends meanwhile.
    """
    server = resolve("fanwire")
    publish = publish_text(_DELIVERED_BYTES, server.adds_bytes)
    with (
        BUSES[bus]() as store,
        _gateway(server, store, workers) as running,
        run_generator(running.port, subscribers, publish, GENERATOR_CORE, _STEP_S + seconds, program) as generator,
    ):
        generator.expect("publisher")
        generator.tell("go")
        generator.expect("connected")
        generator.tell(f"run {_OUTSTANDING} {WARM_UP} {seconds}")
        generator.expect("begin")
        before, store_before = usage(running.pid).cpu_s, store.cpu_s()
        generator.tell("go")
        generator.expect("end")
        cpu_s, store_s = usage(running.pid).cpu_s - before, store.cpu_s() - store_before
        result = generator.result()
    deliveries = result.messages * subscribers
    return ThroughputCell(
        round=round_,
        bus=bus,
        workers=workers,
        deliveries_per_s=deliveries / result.wall_s,
        cpu_us=cpu_s * 1e6 / deliveries,
        store_cpu_us=store_s * 1e6 / deliveries,
        generator_busy=result.generator_cpu_s / result.wall_s,
    )


def measure_storm(bus: str, is_fresh: bool, clients: int, round_: int, program: Path) -> FreshCell:
    """All clients come back to the worker that published, or where ``is_fresh`` to one that has just been started.

    Raises: as ``measure_throughput``.
    """
    secret = secrets.token_hex(32)
    server, resume = authenticated_server(clients, secret), Resume(1, _MISSED, _ROOMS)
    with BUSES[bus]() as store, tempfile.TemporaryDirectory() as folder, ExitStack() as life:
        lines = Path(folder) / "clients"
        running = life.enter_context(_gateway(server, store, 1))
        seen = fill_rooms(running.port, resume, secret)
        lines.write_text("".join(client_lines(clients, resume, seen, secret, time.time())))
        if is_fresh:
            life.close()
            running = life.enter_context(_gateway(server, store, 1))
        load = life.enter_context(run_storm_load(program, running.port, resume, lines, GENERATOR_CORE))
        if not is_fresh:
            _load_rooms(load, store, clients)
        asked, before, store_before = store.counted(), usage(running.pid).cpu_s, store.cpu_s()
        result = load.storm(clients, _IN_FLIGHT)
        counted = _settled(store)
        cpu_s, store_s = usage(running.pid).cpu_s - before, store.cpu_s() - store_before
        return FreshCell(
            round=round_,
            bus=bus,
            is_fresh=is_fresh,
            clients=clients,
            live_per_s=clients / result.wall_s,
            cpu_us=cpu_s * 1e6 / clients,
            store_cpu_us=store_s * 1e6 / clients,
            asked=_more(asked, counted),
        )


def _load_rooms(load: StormLoad, store: Store, clients: int) -> None:
    """Have somebody come to every room and leave: a topic is in a worker once somebody has asked for it there."""
    load.storm(min(clients, _ROOMS), _IN_FLIGHT)
    load.abort()
    _settled(store)


def _settled(store: Store) -> Mapping[str, int]:
    """What the store has been asked, once a moment passes without more: clients are live before their own topic is."""
    counted = store.counted()
    while (again := _counted_later(store)) != counted:
        counted = again
    return counted


def _counted_later(store: Store) -> Mapping[str, int]:
    time.sleep(_SETTLE_S)
    return {name: count for name, count in store.counted().items() if name not in _NOT_ASKED}


def _more(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    more = {name: count - before.get(name, 0) for name, count in after.items() if name not in _NOT_ASKED}
    return {name: count for name, count in sorted(more.items()) if count}


@contextmanager
def _gateway(server: Server, store: Store, workers: int) -> Iterator[Running]:
    """All workers accept and have the bus. One is on the server's core; several have all cores, one each in turn."""
    command = (*server.command, "--bus", store.url, "--workers", str(workers))
    with run_server(replace(server, command=command), SERVER_CORE) as running:
        _until_ready(running.port, workers)
        if workers > 1:
            cores = sorted(os.sched_getaffinity(0))
            for place, pid in enumerate(children(running.pid)):
                pin(pid, cores[place % len(cores)])
        yield running


def _until_ready(port: int, workers: int) -> None:
    deadline_s = time.monotonic() + _READY_S
    while not _are_ready(answer := _readiness(port), workers):
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"the gateway is not ready: {answer}")
        time.sleep(_LOOK_AGAIN_S)


def _are_ready(answer: Mapping[str, Mapping[str, str]] | None, workers: int) -> bool:
    """One that is alone does not number its workers."""
    if answer is None:
        return False
    return workers == 1 or list(answer["workers"].values()) == ["ready"] * workers


def _readiness(port: int) -> dict[str, dict[str, str]] | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_S)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        said: dict[str, dict[str, str]] = json.loads(response.read())
        return said if response.status == 200 else None
    finally:
        connection.close()
