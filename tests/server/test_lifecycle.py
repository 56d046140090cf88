"""One worker process from listening to its exit code, without the command line around it."""

import signal
import sys

import pytest
from node_peers import Closed
from wire import RawClient

from server.testing.child_process import ChildProcess

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from server.config_sources import load_config
from server.lifecycle import serve
{before}
flags = {{"auth.mode": "disabled", "server.port": {port}, "server.drain_s": 1.0, "log.format": "text"}}
sys.exit(serve(load_config(flags, {{}}, None), announce=lambda url: print("at", url, flush=True)))
"""
# A part without which nothing goes, and which restarts do not mend.
FAIL_SOON = """
from actors.bus_bridge import BusBridge

def fail(bridge):
    raise OSError("on purpose")

BusBridge.on_start = fail
"""


def _worker(port: int = 0, before: str = "") -> ChildProcess:
    return ChildProcess([sys.executable, "-c", PROGRAM.format(port=port, before=before)])


async def _port_of(worker: ChildProcess) -> int:
    line = await worker.wait_for_log("at http://127.0.0.1:")
    return int(line.rpartition(":")[2])


@pytest.mark.gen_test(timeout=20)
async def test_the_announced_address_is_the_real_one_also_for_port_0() -> None:
    async with _worker() as worker, await RawClient.upgraded(await _port_of(worker)) as client:
        frame = await client.frame()
        assert frame is not None and b'"hello"' in frame.payload


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_is_an_end_in_order(number: signal.Signals) -> None:
    async with _worker() as worker:
        client = await RawClient.upgraded(await _port_of(worker))
        worker.send_signal(number)
        assert (await client.closed() or Closed(0, "")).code == 1012
        client.close()
        assert await worker.wait() == 0
        assert "stopping" in worker.log
        assert "Traceback" not in worker.log


@pytest.mark.gen_test(timeout=20)
async def test_a_failure_that_cannot_be_made_good_ends_the_process_with_its_own_code() -> None:
    async with _worker(before=FAIL_SOON) as worker:
        assert await worker.wait() == 70
        assert "the worker ends" in worker.log


@pytest.mark.gen_test(timeout=20)
async def test_a_port_that_is_taken_ends_the_start() -> None:
    async with _worker() as first, _worker(await _port_of(first)) as second:
        assert await second.wait() != 0
        assert "Address already in use" in second.log
