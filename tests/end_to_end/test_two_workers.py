"""The same topics and guarantees whichever worker a browser reached: two gateways on one real Redis or NATS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from gateways import RunningGateway, envelope
from loop_turns import until
from nats_servers import nats_server
from redis_servers import redis_server
from two_workers import Reader, quick_timing, two_workers

from server.testing import WsHarness

pytestmark = pytest.mark.slow
T = "t:a"


Workers = Callable[..., AbstractAsyncContextManager[tuple[RunningGateway, RunningGateway]]]


@pytest.fixture(params=[redis_server, nats_server], ids=["redis", "nats"])
def workers(request: pytest.FixtureRequest) -> Workers:
    @asynccontextmanager
    async def on_one_server(**settings: object) -> AsyncIterator[tuple[RunningGateway, RunningGateway]]:
        async with request.param() as server, two_workers(server, settings) as both:
            yield both

    return on_one_server


def reader(worker: RunningGateway) -> WsHarness:
    """Patient: the stores of these tests share the machine with everything else."""
    return WsHarness(worker, topics=[T], timeout=4)


async def put(worker: RunningGateway, count: int) -> list[int]:
    return [(await worker.gateway.publish(T, "x", number)).seq for number in range(count)]


@pytest.mark.gen_test
async def test_what_one_worker_takes_reaches_the_clients_of_the_other(workers: Workers) -> None:
    async with workers() as (one, two), reader(one) as here, reader(two) as there:
        sent = await put(one, 10) + await put(two, 10)
        for ws in (here, there):
            got = await ws.expect_sequence(["x"] * 20)
            assert [frame["seq"] for frame in got] == sent
            assert [frame["prev"] for frame in got] == [0, *sent[:-1]]


@pytest.mark.gen_test
async def test_a_client_that_moves_to_the_other_worker_resumes_there(workers: Workers) -> None:
    async with workers() as (one, two), reader(one) as ws:
        sent = await put(one, 5)
        await ws.expect_position(sent[-1], topic=T)
        ws.drop()
        sent += await put(one, 5)
        assert (await ws.resume(at=two))[T] == {"seq": sent[-1], "recovered": True, "replayed": 5}
        assert [frame["seq"] for frame in await ws.expect_sequence(["x"] * 10)] == sent
        ws.assert_no_gap()


@pytest.mark.gen_test
async def test_whoever_was_told_a_position_is_never_told_elsewhere_that_it_is_unknown(
    workers: Workers,
) -> None:
    many = {"limits.client_messages_per_s": 100_000}
    # Because of the first client the topic runs there, and hears of every message a moment later.
    async with workers(**many) as (one, two), reader(two), reader(two) as ws:
        for number in range(200):
            placed = await one.gateway.publish(T, "x", number)
            assert (await ws.subscribe(T, since=placed.seq))[T]["recovered"], number
            await ws.unsubscribe(T)


@pytest.mark.gen_test
async def test_replay_over_http_has_what_was_stored_by_the_other_worker_before(workers: Workers) -> None:
    async with workers() as (one, two):
        sent = await put(one, 3)
        for worker in (two, one):
            answer = await worker.request("GET", f"/api/ws/replay?topic={T}&after={sent[0]}")
            assert [message["seq"] for message in answer.body["messages"]] == sent[1:]
            assert answer.body["complete"]
        placed = await one.gateway.publish(T, "x", "later")
        answer = await two.request("GET", f"/api/ws/replay?topic={T}&after={sent[-1]}")
        assert [message["seq"] for message in answer.body["messages"]] == [placed.seq]
        nothing = await two.request("GET", "/api/ws/replay?topic=t:unknown&after=earliest")
        assert nothing.body == {"topic": "t:unknown", "messages": [], "seq": 0, "complete": True}
        assert two.gateway.directory.find("t:unknown") is None  # type: ignore[arg-type]


@pytest.mark.gen_test
async def test_the_same_id_at_both_workers_is_one_message(workers: Workers) -> None:
    async with workers() as (one, two):
        message = envelope(T)
        first, again = await asyncio.gather(one.publish(message), two.publish(message))
        assert {first.body["duplicate"], again.body["duplicate"]} == {True, False}
        assert first.body["seq"] == again.body["seq"]


@pytest.mark.gen_test
async def test_publishers_at_both_workers_make_one_chain_that_both_see(workers: Workers) -> None:
    async with workers() as (one, two), reader(one) as here, reader(two) as there:
        first, second = await asyncio.gather(put(one, 150), put(two, 150))
        sent = sorted(first + second)
        for ws in (here, there):
            assert [frame["seq"] for frame in await ws.expect_sequence(["x"] * 300)] == sent
            ws.assert_no_gap()


@pytest.mark.gen_test
async def test_a_storm_of_clients_that_come_back_does_not_reach_redis() -> None:
    async with redis_server() as server, two_workers(server) as (one, _):
        sent = await put(one, 20)
        await Reader(T).visit(one)
        before = await server.do("INFO", "commandstats")
        await asyncio.gather(*(Reader(T).visit(one) for _ in range(40)))
        after = await server.do("INFO", "commandstats")
        assert calls(before, "xrange") == calls(after, "xrange") == 1 + 1, "the topic and the user's own"
        assert len(sent) == 20


def calls(info: object, command: str) -> int:
    assert isinstance(info, dict)
    return int(info[f"cmdstat_{command}"]["calls"])


@pytest.mark.gen_test
async def test_a_gateway_without_redis_is_alive_and_not_ready_and_says_why(
    expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here alone: a publish that competes with another gateway's needs the deadline that it has in production.
    quick_timing(monkeypatch)
    for line in ("the bus is gone", "/readyz 503", "/api/publish 503"):
        expected_logs.allow(line)
    async with redis_server() as server, two_workers(server) as (one, _):
        assert (await one.request("GET", "/readyz")).status == 200
        await server.kill()
        await until(lambda: not one.gateway.bus.ready, "the loss")
        assert (await one.request("GET", "/healthz")).status == 200
        ready = await one.request("GET", "/readyz")
        assert (ready.status, ready.body["checks"]["bus"]) == (503, False)
        refused = await one.publish(envelope(T))
        assert (refused.status, refused.body["code"]) == (503, "overloaded")
        assert "Redis is not reached" in refused.body["message"]
        assert int(refused.headers["Retry-After"]) >= 1
