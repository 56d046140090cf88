"""A topic fails on one message, or in the middle of a round: nothing but that message is lost (fault matrix, row 7)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from faults import Faults, messages_of, metric, until_got
from gateways import RunningGateway, Tab, envelope, running_gateway

SLICE = 4
TABS = 3 * SLICE + 2
POISON = {"fault": "history ValueError"}
# Three failures in five seconds are made good, a fourth is not: that is another file.
THREE = (0, 100, 199)


@asynccontextmanager
async def crowd(count: int) -> AsyncIterator[tuple[RunningGateway, Sequence[Tab]]]:
    """A gateway with the faults in it, and ``count`` subscribers of ``t``."""
    async with AsyncExitStack() as stack:
        stack.enter_context(Faults())
        running = await stack.enter_async_context(running_gateway())
        tabs = [await stack.enter_async_context(await running.tab()) for _ in range(count)]
        for tab in tabs:
            await tab.subscribe("t")
        yield running, tabs


def numbered(count: int, faults: dict[int, dict[str, str]], begin: int = 0) -> list[dict[str, Any]]:
    return [envelope("t", data={"n": number} | faults.get(number, {})) for number in range(begin, begin + count)]


async def publish_all(running: RunningGateway, messages: Sequence[dict[str, Any]]) -> list[Any]:
    """In one batch, so that all of them wait for one turn of the topic; what the publisher was answered."""
    answer = await running.publish(list(messages))
    assert answer.status == 200
    return list(answer.body)


@pytest.mark.gen_test(timeout=30)
async def test_a_poison_message_is_a_dead_letter_and_all_others_come_once_and_in_order(
    expected_logs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    expected_logs.allow("an actor failed: ValueError")
    expected_logs.allow("dead letter")
    messages = numbered(10, {4: POISON})
    async with crowd(3) as (running, tabs):
        placed = [(await running.publish(message)).body for message in messages]
        for tab in tabs:
            assert await until_got(tab, "t", 9) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
            assert messages_of(tab, "t")[4]["prev"] == placed[4]["seq"], "the gap in the chain is not to be seen"
        (line,) = [record for record in caplog.records if record.getMessage() == "dead letter"]
        assert (vars(line)["trace_id"], vars(line)["reason"]) == (messages[4]["id"], "poison")
        (failure,) = [record for record in caplog.records if record.getMessage().startswith("an actor failed")]
        assert vars(failure)["trace_id"] == messages[4]["id"]
        assert await metric(running, 'actor_dead_letters_total{reason="poison"}') == 1
        assert await metric(running, 'actor_restarts_total{actor="topic"}') == 1
        (story,) = (await running.request("GET", f"/api/trace/{messages[4]['id']}")).body["messages"]
        assert (story["dead_letter"], story["written"]) == ("poison", 0)


@pytest.mark.gen_test(timeout=30)
async def test_poison_among_many_messages_that_wait_costs_none_of_the_others(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ValueError")
    expected_logs.allow("dead letter")
    async with crowd(3) as (running, tabs):
        placed = await publish_all(running, numbered(200, dict.fromkeys(THREE, POISON)))
        await publish_all(running, numbered(1, {}, begin=200))
        for tab in tabs:
            assert await until_got(tab, "t", 200) == [number for number in range(201) if number not in THREE]
            follows = {frame["data"]["n"]: frame["prev"] for frame in messages_of(tab, "t")}
            assert all(follows[number + 1] == placed[number]["seq"] for number in THREE)
        assert await metric(running, 'actor_dead_letters_total{reason="poison"}') == 3
        dead = [
            trace.seq for one in placed for trace in running.gateway.telemetry.traces.of(one["id"]) if trace.dead_letter
        ]
        assert dead == [placed[number]["seq"] for number in THREE], "another one got the blame"


@pytest.mark.gen_test(timeout=30)
async def test_the_history_behind_poison_serves_who_comes_later_and_shows_the_gap(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ValueError")
    expected_logs.allow("dead letter")
    async with crowd(1) as (running, (tab,)):
        placed = await publish_all(running, numbered(6, {3: POISON}))
        await until_got(tab, "t", 5)
        late = await running.tab()
        async with late:
            request = {"topics": {"t": {"since": placed[1]["seq"]}}}
            answer = await late.ask(envelope("system", "subscribe", request))
            assert (answer["data"]["topics"]["t"]["recovered"], answer["data"]["topics"]["t"]["replayed"]) == (True, 3)
            assert await until_got(late, "t", 5) == [2, 4, 5]
            assert messages_of(late, "t")[1]["prev"] == placed[3]["seq"]


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("served", [0, 2, SLICE, SLICE + 1, 2 * SLICE + 3, TABS - 1, TABS])
async def test_a_round_that_fails_between_two_subscribers_goes_on_behind_the_first(
    served: int, expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_logs.allow("an actor failed: ValueError")
    monkeypatch.setattr("actors.topic.SLICE", SLICE)
    async with crowd(TABS) as (running, tabs):
        await publish_all(running, numbered(5, {2: {"fault": f"fan_out ValueError after {served}"}}))
        await publish_all(running, numbered(5, {}, begin=5))
        for tab in tabs:
            assert await until_got(tab, "t", 9) == list(range(10))
        assert await metric(running, 'actor_failures_total{actor="topic"}') == 1


@pytest.mark.gen_test(timeout=30)
async def test_of_a_round_that_fails_at_a_subscriber_only_that_one_misses_it_and_sees_so(
    expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_logs.allow("an actor failed: ValueError")
    monkeypatch.setattr("actors.topic.SLICE", SLICE)
    async with crowd(TABS) as (running, tabs):
        await publish_all(running, numbered(2, {1: {"fault": f"fan_out ValueError at {SLICE + 1}"}}))
        placed = await publish_all(running, numbered(1, {}, begin=2))
        got = [await until_got(tab, "t", 2) for tab in tabs]
        assert got == [[2] if number == SLICE + 1 else [0, 1, 2] for number in range(TABS)]
        (short,) = messages_of(tabs[SLICE + 1], "t")
        assert short["prev"] == placed[0]["prev"]


@pytest.mark.gen_test(timeout=30)
async def test_who_joins_or_leaves_while_a_broken_round_is_made_good_is_served_right(
    expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_logs.allow("an actor failed: ValueError")
    monkeypatch.setattr("actors.topic.SLICE", SLICE)
    async with crowd(TABS) as (running, tabs):
        late = await running.tab()
        async with late:
            await late.frame_of_type("hello")
            join = envelope("system", "subscribe", {"topics": {"t": {"since": "earliest"}}})
            leave = envelope("system", "unsubscribe", {"topics": ["t"]})
            await late.send(join)
            await tabs[-1].send(leave)
            await publish_all(running, numbered(3, {1: {"fault": f"fan_out ValueError after {SLICE + 2}"}}))
            await publish_all(running, numbered(3, {}, begin=3))
            assert await until_got(late, "t", 5) == list(range(6))
            for tab in tabs[:-1]:
                assert await until_got(tab, "t", 5) == list(range(6))
            await tabs[-1].frame_of_type("unsubscribed")
            assert [frame["data"]["n"] for frame in messages_of(tabs[-1], "t")] in ([], [0, 1, 2], list(range(6)))
