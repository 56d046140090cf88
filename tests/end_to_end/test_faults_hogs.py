"""An actor that keeps the loop, or hangs: named, and nobody else pays for it (fault matrix, row 10)."""

import json
import time
from typing import Any

import pytest
from faults import Faults, FaultyGateway, metric, until_got
from gateways import envelope, running_gateway
from wire import CLOSE, PONG, TEXT, RawClient

pytestmark = pytest.mark.slow

TIMEOUT_S, INTERVAL_S = 2.5, 0.8


def hog(place: str, seconds: float) -> dict[str, Any]:
    return envelope("hog", data={"n": "hog", "fault": f"{place} sleep for {seconds:g}"})


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize(("place", "actor"), [("topic", "topic hog"), ("command", "client ")])
async def test_the_watchdog_names_who_keeps_the_loop_and_nobody_is_closed_for_it(place: str, actor: str) -> None:
    settings = {"heartbeat.timeout_s": 2.0, "heartbeat.interval_s": 0.5, "mailbox.write_stall_s": 1.0}
    async with FaultyGateway(settings) as gateway, await gateway.tab() as culprit:
        tabs = [await gateway.tab() for _ in range(5)]
        for tab in tabs:
            await tab.subscribe("t", "hog")
        await culprit.send(hog(place, 4.0))
        line = json.loads(await gateway.wait_for_log("the event loop is stalled"))
        assert line["actor"].startswith(actor), line
        await culprit.send(envelope("t", data={"n": 1}))
        for tab in tabs:
            assert await until_got(tab, "t", 1) == [1]
            assert await until_got(tab, "hog", "hog") == ["hog"]
            for _ in range(2):  # two heartbeats later it is still there
                await tab.frame_of_type("ping")
        assert not any(f'"code": {code}' in gateway.log for code in (4408, 4509)), gateway.log
        for tab in tabs:
            await tab.connection.close()


async def next_ping(client: RawClient) -> None:
    """Raises: AssertionError with the close frame where the gateway hangs up before."""
    while (frame := await client.frame()) is not None:
        assert frame.opcode != CLOSE, f"closed {int.from_bytes(frame.payload[:2])}: {frame.payload[2:].decode()}"
        if frame.opcode == TEXT and json.loads(frame.payload)["type"] == "ping":
            return
    raise AssertionError("the connection was cut off")


@pytest.mark.gen_test(timeout=60)
async def test_who_answers_its_ping_while_the_loop_stands_still_is_not_taken_for_dead() -> None:
    """The stall ends soon after the client's time was up: its answer has come by then, and has yet to be read."""
    settings = {"heartbeat.timeout_s": TIMEOUT_S, "heartbeat.interval_s": INTERVAL_S}
    async with FaultyGateway(settings) as gateway, await gateway.tab() as culprit:
        connected = time.monotonic()
        async with await RawClient.upgraded(gateway.port) as client:
            await next_ping(client)
            heard_ago_s = time.monotonic() - connected
            await culprit.send(hog("command", TIMEOUT_S + 0.5 - heard_ago_s))
            await client.send(PONG)
            await next_ping(client)


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("how", ["hang", "hang_on"])
async def test_an_actor_that_hangs_fails_and_its_next_messages_are_handled(
    how: str, expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_logs.allow("an actor failed: Hung")
    expected_logs.allow("dead letter")
    monkeypatch.setattr("actors.topic.TopicActor.hold_s", 0.2)
    with Faults():
        async with running_gateway() as running, await running.tab() as ada:
            await ada.subscribe("t", "u")
            hanging = envelope("t", data={"n": 0, "fault": f"topic {how}"})
            await running.publish([hanging, *(envelope("t", data={"n": number}) for number in (1, 2))])
            await running.publish(envelope("u", data={"n": 0}))
            assert await until_got(ada, "u", 0) == [0]
            assert await until_got(ada, "t", 2) == [1, 2]
            assert await metric(running, 'actor_restarts_total{actor="topic"}') == 1
            (story,) = (await running.request("GET", f"/api/trace/{hanging['id']}")).body["messages"]
            assert story["dead_letter"] == "poison"
