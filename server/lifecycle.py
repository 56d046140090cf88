"""The life of a process, from its start to its exit code: a gateway alone, one of several workers, or their parent."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from server.app import Gateway
from server.config import Config
from server.config_sources import LoadedConfig
from server.descriptors import raise_file_limit
from server.logs import configure_logging
from server.metrics.readings import Readings
from server.parent_link import ParentLink
from server.port_reservation import PortReservation
from server.workers import EXIT_FAILED, WorkerPlan, Workers

__all__ = ["EXIT_FAILED", "serve", "serve_as_worker", "serve_with_workers"]

KILL_MARGIN_S = 5.0  # what ending takes beyond the drain: supervisors, the bus, a last word to the parent
BUS_S = 2.0
BUS_POLL_S = 0.01

log = logging.getLogger("fanwire.lifecycle")


def serve(loaded: LoadedConfig, *, announce: Callable[[str], None]) -> int:
    """Run a gateway until SIGTERM or SIGINT; returns the process's exit code.

    ``announce`` is told the base URL once connections are accepted. Raises: OSError where the address
    cannot be bound, BadKey where the signing keys cannot be used, BadBus where the bus cannot be made.
    """
    configure_logging(loaded.config.log)
    return asyncio.run(_serve(loaded, announce))


def serve_as_worker(loaded: LoadedConfig, descriptor: int) -> int:
    """Run one of several workers, whose parent is at the other end of the socket ``descriptor``.

    Returns the exit code, and raises, as ``serve``; a parent that dies is an end in order as well.
    """
    configure_logging(loaded.config.log)
    return asyncio.run(_serve_as_worker(loaded, descriptor))


def serve_with_workers(
    loaded: LoadedConfig, program: Sequence[str], *, hopeless: Collection[int], announce: Callable[[str], None]
) -> int:
    """Run ``server.workers`` times ``program``, which calls ``serve_as_worker``; returns the exit code.

    ``hopeless``: as in ``WorkerPlan``. Raises: OSError where the address cannot be had.
    """
    configure_logging(loaded.config.log)
    server = loaded.config.server
    reservation = PortReservation(server.host, server.port)
    plan = WorkerPlan(
        server.workers, program, reservation.port, kill_after_s=server.drain_s + KILL_MARGIN_S, hopeless=hopeless
    )
    url = f"http://{_bracketed(server.host)}:{reservation.port}"
    try:
        return asyncio.run(_run_workers(plan, lambda: announce(url)))
    finally:
        reservation.close()


async def _run_workers(plan: WorkerPlan, serving: Callable[[], None]) -> int:
    return await Workers(plan, serving=serving).run()


async def _serve(loaded: LoadedConfig, announce: Callable[[str], None]) -> int:
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _stop_on_signals(ended)
    gateway = Gateway(loaded.config, failed=lambda: _end(ended, EXIT_FAILED), sources=loaded.sources)
    await _reach_the_bus(gateway, ended)
    announce(_listen(gateway, loaded.config.server.port))
    return await _until_ended(gateway, ended)


async def _serve_as_worker(loaded: LoadedConfig, descriptor: int) -> int:
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _stop_on_signals(ended)
    gateway: Gateway | None = None

    async def answer(what: str) -> object:
        match what:
            case "checks" if gateway is not None:
                return gateway.checks()
            case "readings" if gateway is not None:
                return Readings.of(gateway.telemetry.meter).as_data()
            case _:
                return None

    parent = await ParentLink.open(descriptor, answer=answer, lost=lambda: _end(ended, 0))
    configure_logging(loaded.config.log, number=parent.number)
    config = _numbered(loaded.config, parent.number)
    gateway = Gateway(config, failed=lambda: _end(ended, EXIT_FAILED), sources=loaded.sources, siblings=parent)
    await _reach_the_bus(gateway, ended)
    _listen(gateway, parent.orders.port)
    parent.tell_serving()
    code = await _until_ended(gateway, ended, parent.tell_leaving)
    await parent.close(Readings.of(gateway.telemetry.meter))
    return code


async def _reach_the_bus(gateway: Gateway, ended: "asyncio.Future[int]") -> None:
    """Give the bus a moment to be there before anybody is let in: who came earlier would be refused its topics.

    Where the bus stays away, connections are accepted all the same: not ready is not dead.
    """
    gateway.start()
    loop = asyncio.get_running_loop()
    due = loop.time() + BUS_S
    while not (gateway.bus.ready or ended.done()) and loop.time() < due:
        await asyncio.wait({ended}, timeout=BUS_POLL_S)


def _numbered(config: Config, number: int) -> Config:
    """A StatsD daemon cannot tell processes apart: under one name, the gauges of two would overwrite each other."""
    return replace(config, statsd=replace(config.statsd, prefix=f"{config.statsd.prefix}.w{number}"))


def _listen(gateway: Gateway, port: int) -> str:
    """Accept connections; the base URL. Raises: OSError."""
    config = gateway.config
    raise_file_limit(config.limits.connections)
    gateway.listen(config.server.host, port)
    _settle_garbage_collector()
    url = f"http://{_bracketed(config.server.host)}:{gateway.port}"
    log.info("listening", extra={"url": url, "bus": config.bus.place})
    return url


async def _until_ended(
    gateway: Gateway, ended: "asyncio.Future[int]", leaving: Callable[[], None] = lambda: None
) -> int:
    config = gateway.config
    code = await ended
    leaving()
    log.info("stopping", extra={"drain_s": config.server.drain_s})
    await gateway.stop(config.server.drain_s)
    return code


def _stop_on_signals(ended: "asyncio.Future[int]") -> None:
    """To be called before anybody can see that the process is there, and end it.

    SIGHUP too: a terminal that was closed, or a reload, for which whoever runs this process starts it again.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, _end, ended, 0)


def _end(ended: "asyncio.Future[int]", code: int) -> None:
    if not ended.done():
        ended.set_result(code)


def _settle_garbage_collector() -> None:
    """What was imported is there to stay; collecting less often halves the cost of thousands of connects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
