"""Several real gateways behind one port, with their parent: killed, replaced, drained, scraped."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from node_peers import Closed
from prometheus_client.parser import text_string_to_metric_families
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient
from wire import RawClient

from server.testing.server_process import ServerProcess

pytestmark = pytest.mark.slow

SUPPORT = Path(__file__).parents[1] / "support"
DRAIN_S = 2.0


@asynccontextmanager
async def gateway_of(workers: int, settings: Mapping[str, object] | None = None) -> AsyncIterator[ServerProcess]:
    """A parent and its workers, all of which accept."""
    given = json.dumps({"server.drain_s": DRAIN_S, "log.level": "warning", **(settings or {})})
    program = [sys.executable, str(SUPPORT / "worker_gateway.py"), given]
    plan = json.dumps({"count": workers, "program": program, "kill_after_s": DRAIN_S + 5.0})
    argv = [sys.executable, str(SUPPORT / "parent_program.py"), plan.replace('"count"', '"port": {port}, "count"')]
    env = {"PYTHONPATH": str(SUPPORT.parents[1])}
    async with ServerProcess(argv, ready="all serving", env=env) as server:
        yield server


def _workers(server: ServerProcess) -> list[int]:
    return [int(pid) for pid in re.findall(r"a worker was started.*?worker=(\d+)", server.log)]


async def _get(server: ServerProcess, path: str) -> tuple[int, str]:
    """Over a connection of its own: the kernel chooses a worker for each. 599 where that one does not answer."""
    http = SimpleAsyncHTTPClient(force_instance=True)
    try:
        answer = await http.fetch(f"http://127.0.0.1:{server.port}{path}", raise_error=False, request_timeout=2.5)
    except HTTPTimeoutError:
        return 599, ""
    else:
        return answer.code, answer.body.decode()
    finally:
        http.close()


async def _metric(server: ServerProcess, name: str) -> dict[str, float]:
    """By the only label, "" where there is none."""
    status, page = await _get(server, "/metrics")
    assert status == 200, page
    families = text_string_to_metric_families(page)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return {next(iter(sample.labels.values()), ""): sample.value for sample in samples}


async def _connected(server: ServerProcess, count: int) -> list[RawClient]:
    clients = [await RawClient.upgraded(server.port) for _ in range(count)]
    for client in clients:
        assert await client.frame() is not None
    return clients


async def _codes(clients: list[RawClient]) -> list[int]:
    codes = [(await client.closed() or Closed(0, "")).code for client in clients]
    for client in clients:
        client.close()
    return codes


@pytest.mark.gen_test(timeout=60)
async def test_every_scrape_shows_all_workers_whichever_is_asked() -> None:
    async with gateway_of(2) as server:
        clients = await _connected(server, 20)
        for _ in range(8):
            assert await _metric(server, "ws_connections") == {"": 20}
            assert await _metric(server, "ws_connected_total") == {"": 20}
        assert await _metric(server, "worker_up") == {"1": 1, "2": 1}
        assert (await _metric(server, "bus_up"))["memory"] == 1
        for client in clients:
            client.close()


@pytest.mark.gen_test(timeout=60)
async def test_readiness_is_that_of_all_who_accept_and_liveness_of_one() -> None:
    async with gateway_of(2) as server:
        assert (await _get(server, "/readyz"))[0] == 200
        os.kill(_workers(server)[1], signal.SIGSTOP)
        try:
            async with asyncio.timeout(20):
                # A connection may go to the one that stands still: only an answer says something.
                while (answer := await _get(server, "/readyz"))[0] == 599:
                    continue
            assert answer[0] == 503
            assert json.loads(answer[1])["workers"] == {"1": "ready", "2": "silent"}
        finally:
            os.kill(_workers(server)[1], signal.SIGCONT)
        assert (await _get(server, "/healthz"))[0] == 200


@pytest.mark.gen_test(timeout=60)
async def test_a_worker_killed_under_load_is_replaced_and_only_its_clients_notice() -> None:
    async with gateway_of(2) as server:
        clients = await _connected(server, 20)
        before = await _metric(server, "ws_connected_total")
        os.kill(_workers(server)[0], signal.SIGKILL)
        await server.wait_for_log("a worker ended")
        # Meanwhile nobody is refused: the other one takes all who come.
        late = await _connected(server, 5)
        async with asyncio.timeout(15):
            while await _metric(server, "worker_up") != {"1": 1, "2": 1}:
                continue
        assert (await _metric(server, "worker_restarts_total")) == {"": 1}
        assert (await _metric(server, "ws_connected_total"))[""] >= before[""] + 5
        left = await _metric(server, "ws_connections")
        assert 5 <= left[""] < 25
        for client in (*clients, *late):
            client.close()


@pytest.mark.gen_test(timeout=60)
async def test_a_rolling_restart_moves_everybody_and_refuses_nobody() -> None:
    async with gateway_of(2) as server:
        clients = await _connected(server, 30)
        old = _workers(server)
        server.send_signal(signal.SIGHUP)
        replaced = asyncio.ensure_future(server.wait_for_log("all workers were replaced", timeout_s=30))
        served = 0
        while not replaced.done():
            (client,) = await _connected(server, 1)
            client.close()
            served += 1
        await replaced
        assert served > 0
        assert await _codes(clients) == [1012] * 30
        assert len(_workers(server)) == 4 and len(set(_workers(server))) == 4
        assert not [pid for pid in old if Path(f"/proc/{pid}").exists()]
        assert (await _get(server, "/readyz"))[0] == 200
        server.send_signal(signal.SIGTERM)
        assert await server.wait() == 0
        assert "Traceback" not in server.log


@pytest.mark.gen_test(timeout=60)
async def test_a_signal_drains_all_workers_at_the_same_time_and_in_time() -> None:
    async with gateway_of(3) as server:
        clients = await _connected(server, 30)
        server.send_signal(signal.SIGTERM)
        began = asyncio.get_running_loop().time()
        assert await _codes(clients) == [1012] * 30
        assert await server.wait(timeout_s=DRAIN_S + 3) == 0
        assert asyncio.get_running_loop().time() - began < 3 * DRAIN_S


@pytest.mark.gen_test(timeout=60)
async def test_log_lines_say_which_worker_wrote_them() -> None:
    async with gateway_of(2, {"log.level": "info"}) as server:
        for number in (1, 2):
            await server.wait_for_log(f"number={number}")
        assert re.search(r"listening.*number=[12]", server.log)


@pytest.mark.gen_test(timeout=60)
async def test_workers_whose_parent_is_killed_drain_and_free_the_port() -> None:
    async with gateway_of(2) as server:
        clients = await _connected(server, 10)
        workers = [os.pidfd_open(pid) for pid in _workers(server)]
        server.send_signal(signal.SIGKILL)
        assert await _codes(clients) == [1012] * 10
        await asyncio.gather(*map(_ended, workers))
        with pytest.raises(ConnectionRefusedError):
            await RawClient.connect(server.port)


@pytest.mark.gen_test(timeout=60)
async def test_a_statsd_daemon_gets_each_workers_gauges_under_a_name_of_its_own() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.setblocking(False)
        settings = {"statsd.host": "127.0.0.1", "statsd.port": daemon.getsockname()[1], "statsd.interval_s": 0.1}
        names: set[str] = set()
        async with gateway_of(2, settings), asyncio.timeout(15):
            while not {"fanwire.w1.ws.connections", "fanwire.w2.ws.connections"} <= names:
                packet = await asyncio.get_running_loop().sock_recv(daemon, 65536)
                names.update(line.partition(":")[0] for line in packet.decode().splitlines())
        assert all(name.startswith(("fanwire.w1.", "fanwire.w2.")) for name in names)


async def _ended(pidfd: int) -> None:
    """Returns when the process is gone, whose child it is now does not matter."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, gone.set)
    try:
        async with asyncio.timeout(15):
            await gone.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
