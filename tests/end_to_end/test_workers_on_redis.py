"""``fanwire serve --workers 2 --bus redis://…``, as it is run: killed, rolled and ended while everybody is busy.

Each test ends with the offline check: every message that was acknowledged came to every client once and in order.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from gateways import environment_of
from redis_servers import redis_server
from roamers import Roamer, Sender, all_at, roamers, senders
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient

from server.testing.server_process import ServerProcess

pytestmark = pytest.mark.slow

T = "t:a"
CLIENTS, BACKENDS = 40, 4
DRAIN_S = 4.0
SETTINGS = {
    "auth.mode": "disabled",
    "server.drain_s": DRAIN_S,
    # The default of 1,000 would be a second of this traffic; a worker starts for longer than that.
    "history.messages": 20_000,
    "mailbox.messages": 20_000,
    "mailbox.bytes": 16 * 1024 * 1024,
}


class TwoWorkers(ServerProcess):
    """The command as an operator gives it, with a parent and two workers."""

    def __init__(self, bus: str, port: int | None = None) -> None:
        self.bus = bus
        command = [sys.executable, "-m", "server.cli", "serve", "--workers", "2", "--bus", bus, "--port", "{port}"]
        super().__init__(command, port=port, env=environment_of(SETTINGS), stop_timeout_s=DRAIN_S + 6.0)

    def workers(self) -> list[int]:
        """Their pids, as the kernel knows them."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    async def states(self) -> tuple[int, dict[str, str]]:
        """What ``/readyz`` says, whichever worker answers; 599 where that one does not."""
        http = SimpleAsyncHTTPClient(force_instance=True)
        try:
            answer = await http.fetch(f"http://127.0.0.1:{self.port}/readyz", raise_error=False, request_timeout=2.5)
            return answer.code, json.loads(answer.body)["workers"] if answer.body else {}
        except (HTTPTimeoutError, OSError):
            return 599, {}
        finally:
            http.close()

    async def until_both_ready(self) -> None:
        async with asyncio.timeout(20):
            while await self.states() != (200, {"1": "ready", "2": "ready"}):
                continue


@dataclass
class Busy:
    """A gateway with everybody on it; ``start`` is the position from which all clients began."""

    gateway: TwoWorkers
    crowd: list[Roamer]
    backends: list[Sender]
    start: int

    async def goes_on(self) -> None:
        """Everyone who publishes is acknowledged several times more."""
        await asyncio.gather(*(backend.until_acknowledged(25) for backend in self.backends))

    async def ends_complete(self) -> list[int]:
        """Publishers finish, clients catch up, and everybody has everything; returns all positions, in order."""
        await asyncio.gather(*(backend.finish() for backend in self.backends))
        published = sorted(seq for backend in self.backends for seq in backend.acknowledged)
        assert len(published) == len(set(published)), "one position was acknowledged to two"
        await all_at(self.crowd, published[-1])
        for client in self.crowd:
            assert client.account.losses(published, start=self.start) == []
        return published

    @property
    def ends(self) -> Counter[int]:
        return sum((client.ends for client in self.crowd), Counter())

    @property
    def turned_away(self) -> list[str]:
        return [told for client in self.crowd for told in client.turned_away]


@asynccontextmanager
async def busy() -> AsyncIterator[Busy]:
    async with (
        redis_server() as server,
        TwoWorkers(server.url) as gateway,
    ):
        await gateway.until_both_ready()
        async with senders(gateway.port, T, 1) as (first,):
            await first.until_acknowledged(1)
            await first.finish()
        start = first.acknowledged[-1]  # so that nobody begins at a topic that was never used
        async with roamers(gateway.port, T, CLIENTS) as crowd, senders(gateway.port, T, BACKENDS) as backends:
            assert {client.account.position for client in crowd} == {start}
            world = Busy(gateway, crowd, backends, start)
            await world.goes_on()
            yield world


@pytest.mark.gen_test(timeout=90)
async def test_a_worker_killed_under_load_loses_nothing_that_was_acknowledged() -> None:
    async with busy() as world:
        before = world.gateway.workers()
        os.kill(before[0], signal.SIGKILL)
        await world.gateway.wait_for_log("a worker ended")
        await world.goes_on()
        await world.gateway.until_both_ready()
        await world.goes_on()
        published = await world.ends_complete()
        after = world.gateway.workers()
    assert len(set(before) & set(after)) == 1 and len(after) == 2, (before, after)
    assert 0 < world.ends[0] < CLIENTS, "those of the one that was killed, and nobody else"
    assert set(world.ends) == {0}, world.ends
    assert not world.turned_away
    assert len(published) >= 3 * 25 * BACKENDS


@pytest.mark.gen_test(timeout=90)
async def test_a_rolling_restart_under_load_sends_everybody_on_and_loses_nothing() -> None:
    async with busy() as world:
        before = world.gateway.workers()
        world.gateway.send_signal(signal.SIGHUP)
        await world.gateway.wait_for_log("all workers were replaced", timeout_s=40)
        await world.goes_on()
        await world.gateway.until_both_ready()
        await world.ends_complete()
        after = world.gateway.workers()
    assert not set(before) & set(after) and len(after) == 2, (before, after)
    assert world.ends[1012] >= CLIENTS, "everybody was on one of those that were replaced"
    assert not world.turned_away
    told = [after_ms for client in world.crowd for after_ms in client.announced_ms]
    assert len(told) == world.ends[1012] and max(told) > min(told), f"not paced: {sorted(told)}"


@pytest.mark.gen_test(timeout=90)
async def test_a_gateway_told_to_end_under_load_is_gone_within_its_drain_and_nothing_is_lost() -> None:
    async with busy() as world:
        loop, begun = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        world.gateway.send_signal(signal.SIGTERM)
        assert await world.gateway.wait(timeout_s=DRAIN_S) == 0
        assert loop.time() - begun < DRAIN_S
        assert world.ends[1012] >= CLIENTS, world.ends
        assert "Traceback" not in world.gateway.log
        # Redis has what was acknowledged: who comes back to the next gateway on this port misses nothing.
        async with TwoWorkers(world.gateway.bus, world.gateway.port) as successor:
            await successor.until_both_ready()
            await world.goes_on()
            await world.ends_complete()
        assert {told for told in world.turned_away if "503" not in told} <= {"nobody listens"}
