"""A client's actor fails on a frame: its browser notices nothing, or is told to come back (fault matrix, row 6)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from faults import Faults, messages_of, metric, until_got
from gateways import RunningGateway, Tab, envelope, running_gateway

from server.testing.statsd_sink import StatsdSink

pytestmark = pytest.mark.slow

DEADLINE_S = 15.0


def bad_frame(place: str) -> dict[str, Any]:
    """A publish on which the client's actor fails; it reaches nobody."""
    return envelope("nowhere", data={"fault": f"{place} ValueError"})


@asynccontextmanager
async def two_tabs(**settings: object) -> AsyncIterator[tuple[RunningGateway, Tab, Tab]]:
    """Both are subscribed to ``t``; the first one is going to suffer."""
    with Faults():
        async with running_gateway(settings) as running, await running.tab() as ada, await running.tab() as bob:
            for tab in (ada, bob):
                await tab.subscribe("t")
            yield running, ada, bob


async def publish(running: RunningGateway, number: int) -> Any:
    answer = await running.publish(envelope("t", data={"n": number}))
    assert answer.status == 200
    return answer.body


async def answered(tab: Tab, request: dict[str, Any]) -> tuple[str, str | None]:
    """The type of the one answer, and its code."""
    answer = await tab.ask(request)
    return answer["type"], answer["data"].get("code")


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("place", ["command", "client"])
async def test_a_bad_frame_is_answered_and_the_client_goes_on_with_its_socket_and_topics(
    place: str, expected_logs: Any
) -> None:
    expected_logs.allow("an actor failed: ValueError")
    async with two_tabs() as (running, ada, bob):
        first = await publish(running, 0)
        await until_got(ada, "t", 0)
        await ada.send(envelope("system", "pong", {"seen": {"t": first["id"]}}))
        assert await answered(ada, bad_frame(place)) == ("error", "internal")
        await publish(running, 1)
        assert await answered(ada, envelope("t", data={"n": 2})) == ("published", None)
        assert await until_got(ada, "t", 2) == await until_got(bob, "t", 2) == [0, 1, 2]
        assert [frame["type"] for frame in ada.seen].count("hello") == 1
        (story,) = (await running.request("GET", f"/api/trace/{first['id']}")).body["messages"]
        assert story["acknowledged"] == 1, "the position that it had acknowledged is forgotten"
        assert await answered(ada, envelope("system", "unsubscribe", {"topics": ["t"]})) == ("unsubscribed", None)
        assert await metric(running, 'actor_failures_total{actor="client"}') == 1
        assert await metric(running, 'actor_restarts_total{actor="client"}') == 1


@pytest.mark.gen_test(timeout=30)
async def test_nothing_is_lost_or_doubled_while_a_client_fails_in_the_middle_of_a_stream(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ValueError")
    async with two_tabs() as (running, ada, bob):
        for number in range(150):
            await running.gateway.publish("t", "x", {"n": number})
            if number in (30, 60, 90):
                await ada.send(bad_frame("command"))
            await asyncio.sleep(0)
        assert await until_got(ada, "t", 149) == await until_got(bob, "t", 149) == list(range(150))
        while [frame["type"] for frame in ada.seen].count("error") < 3:
            await ada.frame()
        assert await metric(running, 'actor_restarts_total{actor="client"}') == 3


@pytest.mark.gen_test(timeout=30)
async def test_a_client_past_its_intensity_is_closed_and_resumes_without_a_loss(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    async with two_tabs() as (running, ada, bob):
        last = await publish(running, 0)
        await until_got(ada, "t", 0)
        requests = [bad_frame("command") for _ in range(4)]
        for request in requests:
            await ada.send(request)
        assert (await ada.closed()).code == 1011
        answers = [
            frame["re"] for frame in ada.seen if frame["type"] == "error" and frame["data"]["code"] == "internal"
        ]
        assert answers == [request["id"] for request in requests]
        await publish(running, 1)
        again = await running.tab()
        async with again:
            request = envelope("system", "subscribe", {"topics": {"t": {"since": last["seq"]}}})
            assert (await again.ask(request))["data"]["topics"]["t"]["recovered"]
            await publish(running, 2)
            assert await until_got(again, "t", 2) == [1, 2]
            assert [messages_of(again, "t")[0]["prev"]] == [last["seq"]]
        assert await until_got(bob, "t", 2) == [0, 1, 2]
        assert await metric(running, 'actor_given_up_total{actor="client"}') == 1


@pytest.mark.gen_test(timeout=30)
async def test_a_client_that_leaves_between_two_incarnations_leaves_nothing_behind(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ValueError")
    async with two_tabs() as (running, ada, bob):
        for _ in range(3):
            await ada.send(bad_frame("command"))
        await ada.connection.close()
        async with asyncio.timeout(DEADLINE_S):
            while len(running.gateway.clients) > 1 or running.gateway.admission.connections > 1:
                await asyncio.sleep(0)
        await publish(running, 0)
        assert await until_got(bob, "t", 0) == [0]
        assert await metric(running, "ws_connections") == 1


@pytest.mark.gen_test(timeout=30)
async def test_failures_and_restarts_of_clients_reach_the_statsd_daemon(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ValueError")
    with StatsdSink() as daemon:
        settings = {"statsd.host": "127.0.0.1", "statsd.port": daemon.port, "statsd.interval_s": 0.1}
        async with two_tabs(**settings) as (_, ada, _):
            assert await answered(ada, bad_frame("command")) == ("error", "internal")
            async with asyncio.timeout(DEADLINE_S):
                while not {"fanwire.actor.failures.client:1|c", "fanwire.actor.restarts.client:1|c"} <= {*daemon.lines}:
                    await asyncio.sleep(0)
