"""A daemon that is absent, a DNS that is dead or hangs, a full buffer: no effect but a count and one line each."""

import logging
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from loop_turns import turns, until
from statsd_world import ReporterWorld, free_udp_port, no_look_up_is_under_way

from actors.metrics import WS_CONNECTED
from server.metrics.statsd_addresses import Address
from server.testing.child_process import ChildProcess
from server.testing.statsd_sink import StatsdSink

WRONG = "metrics do not reach the StatsD daemon: "
RIGHT = "metrics reach the StatsD daemon again"


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the reporter logged at INFO or above."""
    return [record.getMessage() for record in caplog.records if record.name == "fanwire.statsd"]


@pytest.fixture
def troubles(caplog: pytest.LogCaptureFixture, expected_logs: Any) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "fanwire.statsd")
    expected_logs.allow(WRONG)
    return caplog


class HangingNames:
    """A resolver that answers when the test lets it; it counts the threads that it holds."""

    def __init__(self, *addresses: Address) -> None:
        self.answer = threading.Event()
        self.addresses = addresses
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked += 1
        assert self.answer.wait(60.0)
        return self.addresses


@pytest.fixture
def hanging() -> Iterator[HangingNames]:
    names = HangingNames()
    yield names
    names.answer.set()


@pytest.mark.gen_test
async def test_a_closed_port_is_counted_per_flush_and_told_once_each_way(troubles: pytest.LogCaptureFixture) -> None:
    port = free_udp_port()
    with ReporterWorld(port=port) as world:
        world.start()
        await world.until_open()
        await world.until_after(lambda: world.errors >= 10, "ten lost flushes")
        assert told(troubles) == [f"{WRONG}127.0.0.1 port {port}: no daemon listens there; trying on"]
        with StatsdSink(port=port) as daemon:
            await world.until_after(lambda: RIGHT in told(troubles), "the end of the trouble")
            errors = world.errors
            lines = await world.lines(daemon)
            # Whoever was away hears of every name again.
            assert "fanwire.ws.connected:0|c" in lines
            assert "fanwire.ws.connected:0|c" not in await world.lines(daemon)
            assert (len(told(troubles)), world.errors) == (2, errors)


@pytest.mark.gen_test
async def test_a_lost_flush_is_counted_once_however_many_packets_it_had(troubles: pytest.LogCaptureFixture) -> None:
    with ReporterWorld(port=free_udp_port()) as world:
        world.start()
        await world.until_open()
        while world.errors < 5:
            before = world.errors
            await world.interval()
            assert world.errors - before <= 1


@pytest.mark.gen_test(timeout=60)
async def test_a_name_that_does_not_exist_is_told_once(
    troubles: pytest.LogCaptureFixture,
) -> None:
    # The real resolver: RFC 6761 keeps .invalid free for this. How long it takes to say so is its own affair.
    with ReporterWorld("statsd.fanwire.invalid", 8125) as world:
        world.start()
        await turns(5)
        await world.until_looked_up()
        await world.until_after(lambda: world.errors >= 10, "ten lost flushes", seconds=60.0)
        [line] = told(troubles)
        assert line.startswith(f"{WRONG}statsd.fanwire.invalid has no address: ")
        assert not world.state.introduced


@pytest.mark.gen_test
async def test_what_was_counted_without_an_address_is_told_once_there_is_one(
    troubles: pytest.LogCaptureFixture,
) -> None:
    known: list[Address] = []

    def resolve(host: str, port: int) -> Sequence[Address]:
        if not known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known

    with StatsdSink() as daemon, ReporterWorld("statsd.example", 8125, resolve=resolve) as world:
        world.start()
        await world.until_looked_up()
        for count in range(1, 5):
            world.meter.add(WS_CONNECTED, 10)
            await world.until_after(lambda count=count: world.errors >= count, "lost flushes")  # type: ignore[misc]
        known.append(Address(socket.AF_INET, ("127.0.0.1", daemon.port)))
        await world.until_after(lambda: "fanwire.ws.connected:40|c" in daemon.lines, "what was kept")
        assert told(troubles)[0].startswith(f"{WRONG}statsd.example has no address: ")
        await world.until_after(lambda: RIGHT in told(troubles), "the end of the trouble")
        assert len(told(troubles)) == 2


@pytest.mark.gen_test
async def test_a_lost_flush_has_the_name_looked_up_again_at_once_and_a_good_one_leaves_it_at_a_minute(
    troubles: pytest.LogCaptureFixture, hanging: HangingNames
) -> None:
    hanging.answer.set()
    with StatsdSink() as daemon, ReporterWorld("statsd.example", 8125, resolve=hanging) as world:
        world.start()
        await turns(5)
        await world.until_looked_up()
        await world.interval()
        await world.interval()
        await until(lambda: hanging.asked == 2, "the second look-up, two seconds after the first")
        hanging.addresses = (Address(socket.AF_INET, ("127.0.0.1", daemon.port)),)
        await world.until_after(lambda: RIGHT in told(troubles), "the end of the trouble")
        await until(no_look_up_is_under_way)
        await world.interval(60.0)
        await until(no_look_up_is_under_way)
        asked = hanging.asked
        for _ in range(55):
            await world.interval()
        assert hanging.asked == asked


@pytest.mark.gen_test
async def test_a_dns_that_hangs_holds_nothing_up_and_one_thread_at_most(
    troubles: pytest.LogCaptureFixture, hanging: HangingNames
) -> None:
    with StatsdSink() as daemon:
        hanging.addresses = (Address(socket.AF_INET, ("127.0.0.1", daemon.port)),)
        with ReporterWorld("statsd.example", 8125, resolve=hanging) as world:
            world.start()
            world.meter.add(WS_CONNECTED, 7)
            for _ in range(100):
                await world.interval()
            await until(lambda: hanging.asked, "the look-up")
            assert hanging.asked == 1
            assert told(troubles) == [f"{WRONG}looking up statsd.example takes more than 5 s; trying on"]
            hanging.answer.set()
            assert "fanwire.ws.connected:7|c" in await world.lines(daemon)


@pytest.mark.gen_test
async def test_a_dns_that_hangs_does_not_outlive_a_restart_twice(
    troubles: pytest.LogCaptureFixture, hanging: HangingNames
) -> None:
    with ReporterWorld("statsd.example", 8125, resolve=hanging) as world:
        for _ in range(5):
            world.start()
            await world.interval()
            await world.stop()
        await until(lambda: hanging.asked, "the look-up")
        assert hanging.asked == 1


@pytest.mark.gen_test
async def test_a_dns_that_hangs_later_leaves_the_flushes_as_they_were(
    troubles: pytest.LogCaptureFixture, hanging: HangingNames
) -> None:
    with StatsdSink() as daemon:
        hanging.addresses = (Address(socket.AF_INET, ("127.0.0.1", daemon.port)),)
        hanging.answer.set()
        with ReporterWorld("statsd.example", 8125, resolve=hanging) as world:
            world.start()
            await world.lines(daemon)
            hanging.answer.clear()
            await world.interval(120.0)
            world.meter.add(WS_CONNECTED)
            assert await world.lines(daemon) == ["fanwire.ws.connected:1|c"]
            await world.until_after(lambda: hanging.asked == 2, "the second look-up")
            world.meter.add(WS_CONNECTED)
            assert await world.lines(daemon) == ["fanwire.ws.connected:1|c"]
            assert (told(troubles), world.errors) == ([], 0)


@pytest.mark.gen_test
async def test_a_full_buffer_is_counted_per_flush_and_told_once_each_way(
    tmp_path: Path, troubles: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / "daemon")

    def resolve(host: str, port: int) -> Sequence[Address]:
        return [Address(socket.AF_UNIX, path)]

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(path)
        daemon.setblocking(False)
        with ReporterWorld("full", 8125, resolve=resolve) as world:
            world.start()
            await world.until_open()

            def lost() -> bool:
                world.meter.add(WS_CONNECTED)
                return world.errors >= 5

            await world.until_after(lost, "a full buffer")
            assert told(troubles) == [f"{WRONG}{path}: the socket's buffer is full; trying on"]

            def drained() -> bool:
                _empty(daemon)
                return RIGHT in told(troubles)

            await world.until_after(drained, "room again")
            assert len(told(troubles)) == 2
            _empty(daemon)


def _empty(daemon: socket.socket) -> None:
    try:
        while True:
            daemon.recv(65_536)
    except BlockingIOError:
        return


_EXITS_WHILE_DNS_HANGS = """
import asyncio, threading
from actors.meter import Meter
from actors.runtime.mailbox import Mailbox
from server.clock import LoopClock
from server.config import StatsdConfig
from server.metrics.statsd_reporter import StatsdReporter, StatsdState

asked, never = threading.Event(), threading.Event()

def hang(host, port):
    asked.set()
    never.wait()

async def main():
    config = StatsdConfig(host="statsd.example", interval_s=0.01)
    ended = asyncio.get_running_loop().create_future()
    reporter = StatsdReporter(
        Mailbox(max_messages=8, max_control=8), Meter(), config, LoopClock(), StatsdState(config, resolve=hang)
    )
    reporter.run(ended.set_result, 1)
    await asyncio.to_thread(asked.wait)
    reporter.stop()
    print("ended", (await ended).failure, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.gen_test(timeout=90)
async def test_a_dns_that_hangs_does_not_keep_the_process_from_its_exit() -> None:
    async with ChildProcess([sys.executable, "-c", _EXITS_WHILE_DNS_HANGS]) as process:
        await process.wait_for_log("ended None", timeout_s=30.0)
        assert await process.wait(timeout_s=30.0) == 0
