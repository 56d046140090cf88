"""How a crowd is sent on its way: told when to come back, given what waits for it, closed a few at a time."""

import asyncio
import time

import pytest
from event_stream import EventStream, events_path
from gateways import Tab, envelope, running_gateway
from node_peers import Closed
from slow_reader import SlowReader, until_blocked

from server.drain import FLOOR_PER_S, batches, window_s
from tests.conftest import ExpectedLogs


def test_the_window_is_as_long_as_those_who_come_back_need() -> None:
    assert window_s(3000, 1000.0, 8.0) == 3.0


def test_a_gateway_that_never_saw_a_rush_is_taken_to_bear_the_floor() -> None:
    assert window_s(500, 2.0, 8.0) == 500 / FLOOR_PER_S


def test_the_window_never_outlasts_the_drain() -> None:
    assert window_s(100_000, 1000.0, 8.0) == 8.0


def test_batches_hold_everybody_once_in_order_and_evenly() -> None:
    plan = list(batches(range(1000), 2.0))
    assert [leaver for _, batch in plan for leaver, _ in batch] == list(range(1000))
    assert len(plan) == 40
    assert {len(batch) for _, batch in plan} <= {24, 25, 26}
    for due_s, batch in plan:
        assert all(-1e-9 < after_s - due_s < 0.05 + 1e-9 for _, after_s in batch)


def test_a_window_of_nothing_is_one_batch_and_nobody_makes_none() -> None:
    assert [due_s for due_s, _ in batches(range(9), 0.0)] == [0.0]
    assert list(batches([], 3.0)) == []


@pytest.mark.slow
@pytest.mark.gen_test
async def test_each_client_is_told_when_to_come_back_and_closed_about_then() -> None:
    async with running_gateway({"limits.connections_per_user": 1000}) as running:
        tabs = [await running.tab() for _ in range(100)]
        for tab in tabs:
            await tab.frame_of_type("hello")
        began = time.monotonic()
        stopping = asyncio.ensure_future(running.gateway.stop(5.0))

        async def farewell(tab: Tab) -> tuple[float, float]:
            frame = await tab.frame_of_type("reconnect")
            assert frame["data"]["reason"] == "drain"
            assert (await tab.closed()).code == 1012
            return frame["data"]["after_ms"] / 1000, time.monotonic() - began

        farewells = await asyncio.gather(*map(farewell, tabs))
        await stopping
    advised = sorted(after_s for after_s, _ in farewells)
    assert advised == pytest.approx([place / FLOOR_PER_S for place in range(100)], abs=0.001)
    # The batch that a turn falls into begins up to 50 ms before it.
    assert all(closed_s > after_s - 0.06 for after_s, closed_s in farewells)
    assert time.monotonic() - began < 5.0


@pytest.mark.gen_test
async def test_an_event_source_is_told_too_and_its_last_event_says_how_to_come_back() -> None:
    async with running_gateway() as running, await EventStream.connected(running.port, events_path(["t"])) as stream:
        await stream.frame_of_type("subscribed")
        stopping = asyncio.ensure_future(running.gateway.stop(2.0))
        assert (await stream.frame_of_type("reconnect"))["data"] == {"after_ms": 0, "reason": "drain"}
        assert (await stream.closed() or Closed(0, "")).code == 1012
        await stopping
        assert stream.parser.retries == 2


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_what_waits_in_a_mailbox_is_written_before_the_close() -> None:
    async with running_gateway() as running, await SlowReader.connected(running) as slow:
        await slow.subscribe({"t": {}})
        await until_blocked(running, "t", "x" * 20_000)
        last = [(await running.publish(envelope("t", data="x" * 20_000))).body["seq"] for _ in range(10)][-1]
        (session,) = running.gateway.clients
        assert session.session.mailbox.depth > 0
        stopping = asyncio.ensure_future(running.gateway.stop(5.0))
        closed = await slow.read_to_the_end()
        slow.client.close()
        await stopping
    assert closed is not None and closed.code == 1012
    assert slow.frames[-1]["seq"] == last


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_reader_that_takes_nothing_is_closed_all_the_same(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("connections are cut off at the end of the drain")
    async with running_gateway() as running, await SlowReader.connected(running) as slow:
        await slow.subscribe({"t": {}})
        await until_blocked(running, "t", "x" * 20_000)
        await running.publish(envelope("t", data="x" * 20_000))
        began = time.monotonic()
        await running.gateway.stop(1.0)
        assert 0.7 < time.monotonic() - began < 2.0
        assert len(running.gateway.clients) == 0
