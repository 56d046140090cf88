"""``GET /api/trace/<id>``: who may ask, and a message's whole story in numbers."""

import time
from itertools import pairwise
from typing import Any

import pytest
from gateways import LONG_S, WITH_TOKENS, RunningGateway, Tab, bearer, envelope, running_gateway, token_for
from loop_turns import until
from slow_reader import SlowReader, until_blocked

from actors.protocol.envelope import TopicName, new_trace_id

ADMIN = bearer(token_for(admin=True, ttl_s=LONG_S))


async def story_of(running: RunningGateway, trace_id: str) -> list[dict[str, Any]]:
    answer = await running.request("GET", f"/api/trace/{trace_id}")
    assert answer.status == 200, answer
    assert answer.body["id"].lower() == trace_id.lower()
    messages: list[dict[str, Any]] = answer.body["messages"]
    return messages


@pytest.mark.gen_test
async def test_only_an_admin_may_ask() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        message = envelope("t")
        token = token_for(publish=["*"], subscribe=["*"])
        assert (await running.publish(message, token=token)).status == 200
        path = f"/api/trace/{message['id']}"
        answers = [
            await running.request("GET", path, headers=headers)
            for headers in ({}, bearer("not.a.token"), bearer(token), ADMIN)
        ]
        assert [answer.status for answer in answers] == [401, 401, 403, 200]
        assert [answer.body.get("code") for answer in answers] == ["unauthorized", "unauthorized", "forbidden", None]
        unknown = await running.request("GET", f"/api/trace/{new_trace_id()}", headers=ADMIN)
        assert (unknown.status, unknown.body["code"]) == (404, "not_found")


@pytest.mark.gen_test
async def test_head_says_whether_a_message_is_known_and_sends_nothing() -> None:
    async with running_gateway() as running:
        message = envelope("t")
        await running.publish(message)
        known = await running.request("HEAD", f"/api/trace/{message['id']}")
        unknown = await running.request("HEAD", f"/api/trace/{new_trace_id()}")
        assert [(answer.status, answer.body) for answer in (known, unknown)] == [(200, None), (404, None)]
        assert int(known.headers["Content-Length"]) > 100


@pytest.mark.gen_test
async def test_a_message_that_everybody_got_has_all_its_hops_and_numbers() -> None:
    async with running_gateway() as running, await running.tab() as ada, await running.tab() as bob:
        for tab in (ada, bob):
            await tab.subscribe("t")
        began = time.time()
        message = envelope("t", "greeting")
        placed = (await running.publish(message)).body
        for tab in (ada, bob):
            await tab.frame_of_type("greeting")
        await acknowledge(running, ada, message["id"], placed["seq"])
        [story] = await story_of(running, message["id"])
        hops = story.pop("hops")
        assert story == {
            "topic": "t",
            "type": "greeting",
            "seq": placed["seq"],
            "prev": 0,
            "offered": 2,
            "written": 2,
            "replayed": 0,
            "dropped": {},
            "acknowledged": 1,
            "dead_letter": None,
        }
        moments = [hops[name] for name in ("accepted", "stored", "fanned_out", "written")]
        assert began - 0.01 <= moments[0] <= time.time() + 0.01
        # Two clocks are read, each rounded to a millisecond.
        assert all(later >= earlier - 0.01 for earlier, later in pairwise(moments))


async def acknowledge(running: RunningGateway, tab: Tab, trace_id: str, seq: int) -> None:
    await tab.send(envelope("system", "pong", {"seen": {"t": trace_id}}))
    await until(lambda: running.gateway.clients.that_saw(TopicName("t"), seq) == 1, "the ACK")  # type: ignore[arg-type]


@pytest.mark.gen_test
async def test_an_id_in_capitals_is_the_same_id() -> None:
    async with running_gateway() as running:
        message = envelope("t")
        await running.publish(message | {"id": message["id"].upper()})
        for spelled in (message["id"], message["id"].upper()):
            assert len(await story_of(running, spelled)) == 1


@pytest.mark.gen_test
async def test_one_id_in_two_topics_is_two_messages() -> None:
    async with running_gateway() as running:
        message = envelope("a")
        await running.publish([message, message | {"topic": "b"}, message])
        assert [story["topic"] for story in await story_of(running, message["id"])] == ["a", "b"], "no duplicates"


@pytest.mark.gen_test
async def test_a_message_that_came_from_history_is_replayed_and_written() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        message = envelope("t")
        await running.publish(message)
        [before] = await story_of(running, message["id"])
        assert (before["offered"], before["written"], before["hops"]["written"]) == (0, 0, None)
        await tab.ask(envelope("system", "subscribe", {"topics": {"t": {"since": "earliest"}}}))
        await tab.frame_of_type("note")
        [after] = await story_of(running, message["id"])
        assert (after["offered"], after["written"], after["replayed"]) == (0, 1, 1)
        assert after["hops"]["written"] is not None


@pytest.mark.gen_test(timeout=20)
async def test_what_a_policy_dropped_is_counted_by_policy() -> None:
    settings = {"topics.t.overflow": "drop_newest", "mailbox.messages": 2}
    async with running_gateway(settings) as running, await SlowReader.connected(running) as slow:
        await slow.subscribe({"t": {}})
        await until_blocked(running, "t", "x" * 20_000)
        ids = [(await running.publish(envelope("t"))).body["id"] for _ in range(4)]
        stories = [(await story_of(running, trace_id))[0] for trace_id in ids]
        assert stories[-1]["dropped"] == {"drop_newest": 1}
        assert (stories[-1]["offered"], stories[-1]["written"]) == (1, 0)


@pytest.mark.gen_test
async def test_what_waited_in_a_topic_that_was_given_up_is_a_dead_letter(expected_logs: Any) -> None:
    for line in ("an actor failed", "dead letter", "a topic is in quarantine"):
        expected_logs.allow(line)
    async with running_gateway() as running:
        await running.publish(envelope("t"))
        box = running.gateway.directory.find(TopicName("t"))
        assert box is not None
        for _ in range(4):
            box.control("what is this?")
        message = envelope("t")
        assert (await running.publish(message)).status == 200
        await until(lambda: running.gateway.directory.find(TopicName("t")) is None, "the quarantine")
        [story] = await story_of(running, message["id"])
        assert (story["dead_letter"], story["offered"], story["hops"]["fanned_out"]) == ("quarantined", 0, None)
