"""What happens to the bus on Redis or NATS: killed, frozen, full, cut off, its disk lost, its live messages garbled.

Each test ends with the offline check: what was acknowledged was delivered once and in order, or declared lost.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from garbler import Garbler
from gateways import RunningGateway, envelope
from loop_turns import until
from stores import NATS, REDIS, STORES, Store
from survival import RECOVERY_S, Publisher, T, survives
from tcp_proxy import TcpProxy, tcp_proxy
from two_workers import Reader, quick_timing, two_workers

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]

Workers = tuple[RunningGateway, RunningGateway]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, expected_logs: Any) -> None:
    quick_timing(monkeypatch)
    for line in ("the bus is gone", "503", "does not follow from what was delivered", "are cut off at the end"):
        expected_logs.allow(line)


@pytest.fixture(params=STORES, ids=lambda store: store.name)
def store(request: pytest.FixtureRequest) -> Store:
    one: Store = request.param
    return one


@asynccontextmanager
async def second_by_proxy(store: Store) -> AsyncIterator[tuple[TcpProxy, Workers]]:
    """Two workers, of which the second reaches the store through a proxy."""
    async with (
        store.server() as server,
        tcp_proxy(server.port) as proxy,
        two_workers(server, second_url=store.url_at(proxy.port)) as workers,
    ):
        yield proxy, workers


async def until_lost(workers: Workers) -> None:
    await until(lambda: not any(worker.gateway.bus.ready for worker in workers), "the loss to be noticed")


@pytest.mark.gen_test(timeout=20)
async def test_a_store_killed_and_started_again_loses_nothing(store: Store) -> None:
    async with store.durable_server() as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            await server.kill()
            await until_lost(workers)
            assert (await workers[0].request("GET", "/readyz")).status == 503
            assert (await workers[0].request("GET", "/healthz")).status == 200
            await until(lambda: publisher.refusals, "a refusal")
            await server.restart()
            await until(lambda: all(worker.gateway.bus.ready for worker in workers), "both to be back")

        reader, publisher = await survives(workers, fault)
        assert any(f"{store.name} is not reached" in why for why in publisher.refusals)
        assert not reader.losses and not reader.closes


@pytest.mark.gen_test(timeout=20)
async def test_a_store_that_comes_back_empty_is_said_and_positions_go_on(store: Store) -> None:
    async with store.durable_server() as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            await server.kill()
            await until_lost(workers)
            store.disk(server).lose()
            await server.restart()

        reader, publisher = await survives(workers, fault)
        assert reader.closes == [4510]
        assert reader.losses
        assert publisher.acknowledged == sorted(set(publisher.acknowledged))


@pytest.mark.gen_test(timeout=20)
async def test_a_tail_that_a_failover_or_a_crash_of_the_machine_lost_is_said_and_never_passed_over(
    store: Store,
) -> None:
    async with store.durable_server() as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            await server.kill()
            await until_lost(workers)
            store.disk(server).remember()
            await server.restart()
            await publisher.until_acknowledged(30)
            await server.kill()
            await until_lost(workers)
            store.disk(server).set_back()  # what was not written through when the power went
            await server.restart()

        reader, publisher = await survives(workers, fault)
        assert reader.closes == [4510]
        assert reader.losses
        assert publisher.acknowledged == sorted(set(publisher.acknowledged))


@pytest.mark.gen_test(timeout=20)
async def test_a_frozen_store_is_given_up_in_time_and_is_back_within_seconds(store: Store) -> None:
    async with store.server() as server, two_workers(server) as workers:
        loop = asyncio.get_running_loop()

        async def fault(publisher: Publisher) -> None:
            server.freeze()
            began = loop.time()
            await until_lost(workers)
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
async def test_a_store_without_room_refuses_with_the_reason_and_stores_nothing_by_half(store: Store) -> None:
    async with store.server() as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            async with store.without_room(server):
                await until(lambda: publisher.refusals, "a refusal")
                assert all(worker.gateway.bus.ready for worker in workers), "reading goes on"

        reader, publisher = await survives(workers, fault)
        assert any(store.no_room in why for why in publisher.refusals), set(publisher.refusals)
        assert not reader.losses and not reader.closes
        assert sorted(set(publisher.acknowledged)) == [frame["seq"] for frame in reader.got]


@pytest.mark.gen_test(timeout=20)
async def test_a_worker_cut_off_from_the_store_is_not_ready_and_catches_up_afterwards(store: Store) -> None:
    async with second_by_proxy(store) as (proxy, workers):

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
async def test_a_network_that_swallows_everything_is_noticed_by_silence(store: Store) -> None:
    async with second_by_proxy(store) as (proxy, workers):

        async def fault(publisher: Publisher) -> None:
            proxy.freeze()
            await until(lambda: not workers[1].gateway.bus.ready, "the loss to be noticed")
            await publisher.until_acknowledged(20)
            proxy.cut()
            proxy.mend()

        reader, _ = await survives(workers, fault)
        assert not reader.losses and not reader.closes


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("seed", range(3))
async def test_live_messages_dropped_doubled_and_reordered_reach_clients_once_and_in_order(
    store: Store, seed: int
) -> None:
    async with second_by_proxy(store) as (proxy, workers):
        proxy.change = garbler = Garbler(store.live, seed)

        async def fault(publisher: Publisher) -> None:
            for _ in range(10):  # what is bounded in time is the next few, not all of them
                await publisher.until_acknowledged(20)

        reader, publisher = await survives(workers, fault)
        assert garbler.changed > 20
        assert [frame["seq"] for frame in reader.got] == publisher.acknowledged
        assert not reader.losses and not reader.closes


@pytest.mark.gen_test(timeout=20)
async def test_the_last_live_message_of_all_that_is_dropped_is_found_without_another(store: Store) -> None:
    async with second_by_proxy(store) as (proxy, (one, two)):
        reader, dropped = Reader(T), list[bytes]()
        tab = await reader.visit(two)

        def without_messages(chunk: bytes) -> bytes:
            if store.live.search(chunk) is None:
                return chunk
            dropped.append(chunk)
            return b""

        proxy.change = without_messages
        placed = await one.gateway.publish(T, "x", "the last")
        assert await reader.read(tab, placed.seq)
        assert len(dropped) == 1


@pytest.mark.gen_test(timeout=20)
async def test_a_publish_whose_answer_is_lost_is_stored_once_when_it_is_sent_again(store: Store) -> None:
    async with second_by_proxy(store) as (proxy, (one, two)):
        reader = Reader(T)
        tab = await reader.visit(one)
        await two.gateway.publish(T, "x", "so that no question comes before the message")
        message = envelope(T)
        proxy.change = lambda chunk: b""
        lost = await two.publish(message)
        assert (lost.status, "send it again with the same id" in lost.body["message"]) == (503, True)
        proxy.change = lambda chunk: chunk
        await until(lambda: two.gateway.bus.ready, "the second worker")
        again = await two.publish(message)
        assert again.body["duplicate"]
        assert await reader.read(tab, again.body["seq"])
        assert [frame["id"] for frame in reader.got][1:] == [message["id"]]


@pytest.mark.parametrize(
    ("store", "message", "pong"),
    [
        (REDIS, b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n", b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
        (NATS, b"HMSG fanwire.live.a 3 4 6\r\nabcdhi\r\n", b"PONG\r\n"),
    ],
    ids=["Redis", "NATS"],
)
def test_the_garbler_changes_only_what_is_a_whole_message(store: Store, message: bytes, pong: bytes) -> None:
    outcomes = {Garbler(store.live, seed)(message) for seed in range(50)}
    assert outcomes == {message, b"", message * 2}
    assert all(Garbler(store.live, seed)(pong) == pong for seed in range(10))
