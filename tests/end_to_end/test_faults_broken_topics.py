"""A topic that fails for ever, or that cannot start: it alone is given up (fault matrix, rows 8 and 9)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from faults import Faults, metric, until_got
from gateways import Answer, RunningGateway, envelope, running_gateway

from server.clock import LoopClock

pytestmark = pytest.mark.slow

QUARANTINE_S = 4.0  # long enough for a machine that pauses for 2 s to see what is said during it
DEADLINE_S = 20.0


@asynccontextmanager
async def faulty_gateway() -> AsyncIterator[tuple[RunningGateway, Faults]]:
    with Faults() as faults:
        async with running_gateway() as running:
            yield running, faults


async def publish(running: RunningGateway, topic: str, number: int) -> Answer:
    return await running.publish(envelope(topic, data={"n": number}))


async def until_served(running: RunningGateway, topic: str, number: int) -> None:
    """Publish as a backend does that heeds ``Retry-After``."""
    async with asyncio.timeout(DEADLINE_S):
        while (answer := await publish(running, topic, number)).status == 503:
            await asyncio.sleep(float(answer.headers["Retry-After"]))
    assert answer.status == 200


@pytest.mark.gen_test(timeout=60)
async def test_a_topic_that_always_fails_is_given_up_for_a_while_and_costs_others_nothing(
    expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("an actor failed", "dead letter", "a topic is in quarantine", "POST /api/publish 503"):
        expected_logs.allow(part)
    monkeypatch.setattr("actors.directory.QUARANTINE_S", QUARANTINE_S)
    async with faulty_gateway() as (running, faults), await running.tab() as ada, await running.tab() as bob:
        await ada.subscribe("bad", "good")
        await bob.subscribe("good")
        faults.broken.add("bad")
        batch = [envelope("bad", data={"n": number}) for number in range(10)]
        assert (await running.publish(batch)).status == 200
        closed = await ada.closed()
        assert (closed.code, "since" in closed.reason) == (4510, True)

        refused = await publish(running, "bad", 10)
        assert (refused.status, refused.body["code"]) == (503, "overloaded")
        assert int(refused.headers["Retry-After"]) >= 1
        answer = await bob.ask(envelope("bad", data={"n": 11}))
        assert (answer["type"], answer["data"]["code"]) == ("error", "overloaded")
        data = await bob.subscribe("bad")
        assert data["refused"]["bad"]["code"] == "overloaded"
        assert (await publish(running, "good", 0)).status == 200
        assert await until_got(bob, "good", 0) == [0]
        assert await metric(running, 'actor_given_up_total{actor="topic"}') == 1
        letters = [
            await metric(running, f'actor_dead_letters_total{{reason="{why}"}}') for why in ("poison", "quarantined")
        ]
        assert letters == [4, 6]

        faults.broken.clear()
        await until_served(running, "bad", 12)
        again = await running.tab()
        async with again:
            request = envelope("system", "subscribe", {"topics": {"bad": {"since": "earliest"}}})
            assert (await again.ask(request))["type"] == "subscribed"
            assert await until_got(again, "bad", 12) == [12]
        assert not running.failed.is_set()


@pytest.mark.gen_test(timeout=60)
async def test_a_gateway_with_a_topic_in_quarantine_is_idle(expected_logs: Any) -> None:
    for part in ("an actor failed", "dead letter", "a topic is in quarantine"):
        expected_logs.allow(part)
    async with faulty_gateway() as (running, faults), await running.tab() as ada:
        await ada.subscribe("bad")
        faults.broken.add("bad")
        await running.publish([envelope("bad") for _ in range(10)])
        assert (await ada.closed()).code == 4510
        begun = time.process_time()
        # What is measured is a second in which there is nothing to do.
        await asyncio.sleep(1.0)
        assert time.process_time() - begun < 0.5


def recorded_delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that supervisors make from now on."""
    delays: list[float] = []
    inner = LoopClock.call_later

    def call_later(clock: LoopClock, delay_s: float, callback: Any) -> Any:
        if callback.__qualname__.startswith("Supervisor."):
            delays.append(delay_s)
        return inner(clock, delay_s, callback)

    monkeypatch.setattr(LoopClock, "call_later", call_later)
    return delays


@pytest.mark.gen_test(timeout=30)
async def test_a_topic_whose_start_fails_is_tried_again_with_jitter_and_then_delivers_what_waited(
    expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_logs.allow("an actor failed: ValueError")
    delays = recorded_delays(monkeypatch)
    names = [f"late:{number}" for number in range(5)]
    async with faulty_gateway() as (running, faults), await running.tab() as ada:
        await ada.frame_of_type("hello")
        faults.bad_starts.update(dict.fromkeys(names, 3))
        request = envelope("system", "subscribe", {"topics": names})
        await ada.send(request)
        for name in names:
            for number in range(3):
                assert (await publish(running, name, number)).status == 200
        while (frame := await ada.frame()).get("re") != request["id"]:
            continue
        assert not frame["data"]["refused"]
        for name in names:
            await publish(running, name, 3)
            # Joins go ahead of data: nothing that waited for the topic's start is missing.
            assert await until_got(ada, name, 3) == [0, 1, 2, 3]
        assert [faults.starts[name] for name in names] == [4] * len(names)
    # The first try again is at once, the others below 0.1 and 0.2 s, and no two topics at the same time.
    assert len(delays) == len(set(delays)) == 2 * len(names)
    assert max(delays[: len(names)]) <= 0.1
    assert 0 < min(delays) <= max(delays) <= 0.2


@pytest.mark.gen_test(timeout=30)
async def test_a_topic_that_can_never_start_is_given_up_and_whoever_waits_is_told(expected_logs: Any) -> None:
    for part in ("an actor failed", "dead letter", "a topic is in quarantine", "POST /api/publish 503"):
        expected_logs.allow(part)
    async with faulty_gateway() as (running, faults), await running.tab() as ada:
        faults.bad_starts["never"] = 1_000_000
        published = (await publish(running, "never", 0)).body
        data = await ada.subscribe("never", "good")
        assert (list(data["topics"]), data["refused"]["never"]["code"]) == (["good"], "overloaded")
        async with asyncio.timeout(DEADLINE_S):
            while (await publish(running, "never", 1)).status == 200:
                continue
        assert faults.starts["never"] == 4
        (story,) = (await running.request("GET", f"/api/trace/{published['id']}")).body["messages"]
        assert (story["dead_letter"], story["written"]) == ("quarantined", 0)
        assert (await publish(running, "good", 0)).status == 200
        assert await until_got(ada, "good", 0) == [0]
        assert not running.failed.is_set()
