"""What happens to the bus on Redis: killed, frozen, full, cut off, its tail lost, its live messages garbled.

Each test ends with the offline check: what was acknowledged was delivered once and in order, or declared lost.
"""

import asyncio
import random
import re
from typing import Any

import pytest
from gateways import envelope
from loop_turns import until
from redis_servers import redis_server
from survival import RECOVERY_S, Publisher, T, survives
from tcp_proxy import tcp_proxy
from two_workers import Reader, quick_timing, two_workers

from actors.ports import BusUnavailable

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, expected_logs: Any) -> None:
    quick_timing(monkeypatch)
    for line in ("the bus is gone", "503", "does not follow from what was delivered", "are cut off at the end"):
        expected_logs.allow(line)


@pytest.mark.gen_test(timeout=20)
async def test_redis_killed_and_started_again_loses_nothing() -> None:
    async with redis_server(aof=True) as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            await server.kill()
            await until(lambda: not any(worker.gateway.bus.ready for worker in workers), "the loss to be noticed")
            assert (await workers[0].request("GET", "/readyz")).status == 503
            assert (await workers[0].request("GET", "/healthz")).status == 200
            await until(lambda: publisher.refusals, "a refusal")
            await server.restart()
            await until(lambda: all(worker.gateway.bus.ready for worker in workers), "both to be back")

        reader, publisher = await survives(workers, fault)
        assert any("Redis is not reached" in why for why in publisher.refusals)
        assert not reader.losses and not reader.closes


@pytest.mark.gen_test(timeout=20)
async def test_a_failover_that_lost_its_tail_is_said_and_never_passed_over() -> None:
    async with redis_server(aof=True) as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            await server.do("CONFIG", "SET", "appendonly", "no")  # what comes now is not on its disk
            await publisher.until_acknowledged(30)
            await server.kill()
            await until(lambda: not any(worker.gateway.bus.ready for worker in workers), "the loss to be noticed")
            await server.restart()

        reader, _ = await survives(workers, fault)
        assert reader.closes == [4510]
        assert reader.losses


@pytest.mark.gen_test(timeout=20)
async def test_a_store_that_comes_back_empty_is_said_and_positions_go_on() -> None:
    async with redis_server() as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            await server.kill()
            await until(lambda: not any(worker.gateway.bus.ready for worker in workers), "the loss to be noticed")
            await server.restart()

        reader, publisher = await survives(workers, fault)
        assert reader.closes == [4510]
        assert reader.losses
        assert publisher.acknowledged == sorted(set(publisher.acknowledged))


@pytest.mark.gen_test(timeout=20)
async def test_a_frozen_redis_is_given_up_in_time_and_is_back_within_seconds() -> None:
    async with redis_server() as server, two_workers(server) as workers:
        loop = asyncio.get_running_loop()

        async def fault(publisher: Publisher) -> None:
            server.freeze()
            began = loop.time()
            await until(lambda: not any(worker.gateway.bus.ready for worker in workers), "readiness to be red")
            assert loop.time() - began < 1.5
            await until(lambda: len(publisher.refusals) > 2, "refusals")
            server.thaw()
            thawed = loop.time()
            await publisher.until_acknowledged(1)
            assert loop.time() - thawed < RECOVERY_S

        reader, publisher = await survives(workers, fault)
        assert any("send it again with the same id" in why for why in publisher.refusals)
        assert not reader.losses


@pytest.mark.gen_test(timeout=20)
async def test_a_redis_that_is_out_of_memory_refuses_with_the_reason_and_stores_nothing_by_half() -> None:
    async with redis_server() as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            await server.do("CONFIG", "SET", "maxmemory", "1")
            await until(lambda: publisher.refusals, "a refusal")
            assert all(worker.gateway.bus.ready for worker in workers), "reading goes on"
            await server.do("CONFIG", "SET", "maxmemory", "0")

        reader, publisher = await survives(workers, fault)
        assert any("out of memory" in why for why in publisher.refusals)
        assert not reader.losses and not reader.closes
        assert sorted(set(publisher.acknowledged)) == [frame["seq"] for frame in reader.got]


@pytest.mark.gen_test(timeout=20)
async def test_a_redis_that_cannot_write_to_its_disk_refuses_with_the_reason() -> None:
    async with redis_server() as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            in_its_way = server.folder / "dump.rdb"
            in_its_way.mkdir()  # a snapshot is renamed to that, which fails
            await server.do("CONFIG", "SET", "save", "1 1")
            await server.do("BGSAVE")
            await until(lambda: publisher.refusals, "a refusal")
            in_its_way.rmdir()
            await server.do("CONFIG", "SET", "save", "")

        reader, publisher = await survives(workers, fault)
        assert any("disk" in why for why in publisher.refusals), set(publisher.refusals)
        assert not reader.losses and not reader.closes


@pytest.mark.gen_test(timeout=20)
async def test_a_worker_cut_off_from_redis_is_not_ready_and_catches_up_afterwards() -> None:
    async with (
        redis_server() as server,
        tcp_proxy(server.port) as proxy,
        two_workers(server, second_url=f"redis://127.0.0.1:{proxy.port}/0") as workers,
    ):

        async def fault(publisher: Publisher) -> None:
            proxy.cut()
            await until(lambda: not workers[1].gateway.bus.ready, "the loss to be noticed")
            assert workers[0].gateway.bus.ready
            await publisher.until_acknowledged(20)
            proxy.mend()

        reader, publisher = await survives(workers, fault)
        assert not publisher.refusals
        assert not reader.losses and not reader.closes


@pytest.mark.gen_test(timeout=20)
async def test_a_network_that_swallows_everything_is_noticed_by_silence() -> None:
    async with (
        redis_server() as server,
        tcp_proxy(server.port) as proxy,
        two_workers(server, second_url=f"redis://127.0.0.1:{proxy.port}/0") as workers,
    ):

        async def fault(publisher: Publisher) -> None:
            proxy.freeze()
            await until(lambda: not workers[1].gateway.bus.ready, "the loss to be noticed")
            await publisher.until_acknowledged(20)
            proxy.cut()
            proxy.mend()

        reader, _ = await survives(workers, fault)
        assert not reader.losses and not reader.closes


class Garbler:
    """Drops, doubles and reorders whole live messages on their way from Redis, by a seed."""

    _MESSAGE = re.compile(rb"\*3\r\n\$7\r\nmessage\r\n\$\d+\r\n[^\r]*\r\n\$(\d+)\r\n")

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._kept = b""
        self.changed = 0

    def __call__(self, chunk: bytes) -> bytes:
        out, rest = b"", chunk
        while (found := self._MESSAGE.match(rest)) is not None:
            end = found.end() + int(found.group(1)) + 2
            if end > len(rest):
                break
            out += self._garbled(rest[:end])
            rest = rest[end:]
        return out + rest

    def _garbled(self, message: bytes) -> bytes:
        chance = self._random.random()
        if chance > 0.3:
            kept, self._kept = self._kept, b""
            return message + kept
        self.changed += 1
        if chance < 0.1:
            return b""
        if chance < 0.2:
            return message + message
        kept, self._kept = self._kept, message
        return kept


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("seed", range(3))
async def test_live_messages_dropped_doubled_and_reordered_reach_clients_once_and_in_order(seed: int) -> None:
    async with (
        redis_server() as server,
        tcp_proxy(server.port) as proxy,
        two_workers(server, second_url=f"redis://127.0.0.1:{proxy.port}/0") as workers,
    ):
        proxy.change = garbler = Garbler(seed)

        async def fault(publisher: Publisher) -> None:
            await publisher.until_acknowledged(200)

        reader, publisher = await survives(workers, fault)
        assert garbler.changed > 20
        assert [frame["seq"] for frame in reader.got] == publisher.acknowledged
        assert not reader.losses and not reader.closes


@pytest.mark.gen_test(timeout=20)
async def test_the_last_live_message_of_all_that_is_dropped_is_found_without_another() -> None:
    async with (
        redis_server() as server,
        tcp_proxy(server.port) as proxy,
        two_workers(server, second_url=f"redis://127.0.0.1:{proxy.port}/0") as (one, two),
    ):
        reader = Reader(T)
        tab = await reader.visit(two)
        proxy.change = lambda chunk: b"" if b"message" in chunk else chunk
        placed = await one.gateway.publish(T, "x", "the last")
        assert await reader.read(tab, placed.seq)


@pytest.mark.gen_test(timeout=20)
async def test_a_publish_whose_answer_is_lost_is_stored_once_when_it_is_sent_again() -> None:
    async with (
        redis_server() as server,
        tcp_proxy(server.port) as proxy,
        two_workers(server, second_url=f"redis://127.0.0.1:{proxy.port}/0") as (one, two),
    ):
        reader = Reader(T)
        tab = await reader.visit(one)
        message = envelope(T)
        proxy.change = lambda chunk: b""
        lost = await two.publish(message)
        assert (lost.status, "send it again with the same id" in lost.body["message"]) == (503, True)
        proxy.change = lambda chunk: chunk
        await until(lambda: two.gateway.bus.ready, "the second worker")
        again = await two.publish(message)
        assert again.body["duplicate"]
        assert await reader.read(tab, again.body["seq"])
        assert [frame["id"] for frame in reader.got] == [message["id"]]


@pytest.mark.gen_test(timeout=20)
async def test_a_replica_refuses_and_says_what_it_is() -> None:
    async with redis_server() as server, two_workers(server) as (one, _):
        await server.do("REPLICAOF", "127.0.0.1", server.port)
        with pytest.raises(BusUnavailable, match="replica"):
            await one.gateway.publish(T, "x", {})
        await server.do("REPLICAOF", "NO", "ONE")
        await one.gateway.publish(T, "x", {})


def test_the_garbler_changes_only_what_is_a_whole_message() -> None:
    message = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"
    pong = b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
    outcomes = {Garbler(seed)(message) for seed in range(50)}
    assert outcomes == {message, b"", message * 2}
    assert all(Garbler(seed)(pong) == pong for seed in range(10))
