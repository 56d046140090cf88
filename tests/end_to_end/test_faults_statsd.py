"""No StatsD daemon, no name for it, or one that reads nothing: one log line at most (fault matrix, row 25)."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from faults import metric, until_got
from gateways import RunningGateway, envelope, running_gateway
from statsd_world import free_udp_port

pytestmark = pytest.mark.slow

DEADLINE_S = 20.0
INTERVAL_S = 0.1
LINE = "metrics do not reach the StatsD daemon"


@contextmanager
def deaf_daemon() -> Iterator[int]:
    """The port of a daemon with the smallest of buffers, from which it never reads."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        daemon.bind(("127.0.0.1", 0))
        yield daemon.getsockname()[1]


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "fanwire.statsd"]


async def assert_serves(running: RunningGateway, begin: int) -> None:
    async with await running.tab() as tab:
        await tab.subscribe("t")
        for number in range(begin, begin + 20):
            assert (await running.publish(envelope("t", data={"n": number}))).status == 200
        assert await until_got(tab, "t", begin + 19) == list(range(begin, begin + 20))


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("host", ["127.0.0.1", "something.invalid"])
async def test_a_daemon_that_is_not_there_costs_one_log_line(
    host: str, expected_logs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    expected_logs.allow(LINE)
    settings = {"statsd.host": host, "statsd.port": free_udp_port(), "statsd.interval_s": INTERVAL_S}
    async with running_gateway(settings) as running:
        await assert_serves(running, 0)
        async with asyncio.timeout(DEADLINE_S):
            while await metric(running, "statsd_errors_total") < 10:
                continue
        await assert_serves(running, 20)
        assert await metric(running, 'actor_failures_total{actor="reporter"}') == 0
    assert len(lines_of(caplog)) == 1, lines_of(caplog)


@pytest.mark.gen_test(timeout=60)
async def test_a_daemon_that_never_reads_costs_nothing(expected_logs: Any, caplog: pytest.LogCaptureFixture) -> None:
    expected_logs.allow(LINE)
    with deaf_daemon() as port:
        settings = {"statsd.host": "127.0.0.1", "statsd.port": port, "statsd.interval_s": INTERVAL_S}
        async with running_gateway(settings) as running:
            for begin in range(0, 200, 20):
                await assert_serves(running, begin)
            assert await metric(running, 'actor_failures_total{actor="reporter"}') == 0
    assert len(lines_of(caplog)) <= 1, lines_of(caplog)
