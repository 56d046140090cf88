"""A whole branch of the tree fails: what was started after it starts again too, and everybody can come back."""

import asyncio
from typing import Any, NoReturn

import pytest
from faults import Faults, metric, until_got
from gateways import RunningGateway, Tab, envelope, running_gateway

from actors.ports import BusUnavailable
from actors.runtime.child_spec import ChildSpec

pytestmark = pytest.mark.slow

DEADLINE_S = 20.0


def never_made() -> NoReturn:
    raise ValueError("on purpose, whenever it is made")


def let_topics_fail(running: RunningGateway) -> None:
    """Give their supervisor a child that cannot be made, and whose end is everybody's."""
    running.gateway._topics.start_child(ChildSpec("topic", "the last straw", never_made))


async def until_ready(running: RunningGateway) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (await running.request("GET", "/readyz")).status != 200:
            continue


async def come_back(running: RunningGateway, since: int) -> Tab:
    """A new connection, subscribed to ``t`` from a position on."""
    tab = await running.tab()
    answer = await tab.ask(envelope("system", "subscribe", {"topics": {"t": {"since": since}}}))
    # The position is the bus's and outlives the topics; none of the messages was missed.
    assert answer["data"]["topics"]["t"]["recovered"], answer
    return tab


@pytest.mark.gen_test(timeout=60)
async def test_topics_that_fail_as_a_whole_start_again_with_all_clients_and_the_bus(expected_logs: Any) -> None:
    for part in ("an actor failed", "failed too often", "GET /readyz 503"):
        expected_logs.allow(part)
    async with running_gateway() as running, await running.tab() as ada, await running.tab() as bob:
        for tab in (ada, bob):
            await tab.subscribe("t")
        placed = (await running.publish(envelope("t", data={"n": 0}))).body
        assert await until_got(ada, "t", 0) == await until_got(bob, "t", 0) == [0]
        let_topics_fail(running)
        assert [(await tab.closed()).code for tab in (ada, bob)] == [1012, 1012]
        await until_ready(running)
        again = await come_back(running, placed["seq"])
        async with again:
            answer = await running.publish(envelope("t", data={"n": 1}))
            assert (answer.status, answer.body["prev"]) == (200, placed["seq"])
            assert await until_got(again, "t", 1) == [1]
        assert not running.failed.is_set()
        assert await metric(running, 'actor_restarts_total{actor="supervisor"}') == 2
        assert await metric(running, 'actor_restarts_total{actor="bus"}') == 1


@pytest.mark.gen_test(timeout=60)
async def test_topics_that_fail_while_one_of_them_waits_for_its_restart_come_back_as_well(expected_logs: Any) -> None:
    for part in ("an actor failed", "failed too often", "GET /readyz 503", "dead letter"):
        expected_logs.allow(part)
    with Faults():
        async with running_gateway() as running, await running.tab() as ada:
            await ada.subscribe("t")
            poison = [envelope("t", data={"n": number, "fault": "history ValueError"}) for number in range(3)]
            assert (await running.publish(poison)).status == 200
            let_topics_fail(running)
            assert (await ada.closed()).code == 1012
            await until_ready(running)
            again = await running.tab()
            async with again:
                assert "t" in (await again.subscribe("t"))["topics"]
                assert (await running.publish(envelope("t", data={"n": 3}))).status == 200
                assert await until_got(again, "t", 3) == [3]
            assert not running.failed.is_set()


@pytest.mark.gen_test(timeout=60)
async def test_a_publish_while_the_branch_is_down_is_refused_or_delivered_and_never_in_between(
    expected_logs: Any,
) -> None:
    for part in ("an actor failed", "failed too often"):
        expected_logs.allow(part)
    async with running_gateway() as running, await running.tab() as ada:
        await ada.subscribe("t")
        first = (await running.publish(envelope("t", data={"n": 0}))).body
        await until_got(ada, "t", 0)
        let_topics_fail(running)
        taken, was_refused = [0], False
        async with asyncio.timeout(DEADLINE_S):
            # From the failure on until it is refused, and on until it is taken again: a try in each turn of the loop.
            while not (was_refused and taken[-1]):
                try:
                    taken.append((await running.gateway.publish("t", "note", {"n": len(taken)})).seq)
                except BusUnavailable:
                    was_refused = True
                    taken.append(0)
                await asyncio.sleep(0)
        assert (await ada.closed()).code == 1012
        here = [frame["seq"] for frame in ada.seen if frame["topic"] == "t"][-1]
        assert here >= first["seq"]
        again = await running.tab()
        async with again:
            request = envelope("system", "subscribe", {"topics": {"t": {"since": here}}})
            answer = (await again.ask(request))["data"]["topics"]["t"]
            missed = [seq for seq in taken if seq > here]
            if answer["recovered"]:
                assert answer["replayed"] == len(missed)
            else:
                gap = await again.frame_of_type("gap")
                assert (gap["data"]["from"], gap["data"]["to"]) == (here, missed[-1])


@pytest.mark.gen_test(timeout=60)
async def test_a_branch_that_fails_again_and_again_asks_for_the_end_of_the_process(expected_logs: Any) -> None:
    for part in ("an actor failed", "failed too often", "could not be made good"):
        expected_logs.allow(part)
    async with running_gateway() as running:
        for times in (1, 2, 3):
            let_topics_fail(running)
            await until_started_again(running, times)
        let_topics_fail(running)
        async with asyncio.timeout(DEADLINE_S):
            await running.failed.wait()


async def until_started_again(running: RunningGateway, times: int) -> None:
    """The bus starts last of its branch."""
    async with asyncio.timeout(DEADLINE_S):
        while await metric(running, 'actor_restarts_total{actor="bus"}') < times:
            continue
