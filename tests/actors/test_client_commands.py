"""What a client may ask: each request has exactly one answer, and none of them costs the connection by itself."""

import json
from typing import Any

import pytest
from actor_world import Tab, World, identity
from loop_turns import turns, until

from actors.protocol.envelope import Seq, TopicName
from actors.runtime.mailbox import ControlLaneFull
from actors.topic_requests import Leave

SUBSCRIBE_TO_C: dict[str, Any] = {
    "v": 1,
    "id": "0b6f1d6e-8a51-4f3c-9d55-1f2e3a4b5c6d",
    "topic": "system",
    "type": "subscribe",
    "data": {"topics": ["c"]},
}


def errors(tab: Tab) -> list[str]:
    return [message["data"]["code"] for message in tab.socket.of_type("error")]


@pytest.mark.gen_test
async def test_a_bad_frame_is_answered_by_its_flaw_and_its_id() -> None:
    tab = await World().open()
    answer = await tab.answer("nonsense", {})
    assert answer["type"] == "error"
    assert answer["data"]["code"] == "unknown_type"
    assert answer["data"]["message"].startswith("type: must be ")


@pytest.mark.gen_test
async def test_a_bad_frame_without_an_id_is_answered_without_re() -> None:
    tab = await World().open()
    await tab.send("{")
    [error] = tab.socket.of_type("error")
    assert error["data"]["code"] == "bad_json"
    assert "re" not in error


@pytest.mark.gen_test
async def test_four_bad_frames_are_answered_and_the_fifth_is_the_last() -> None:
    tab = await World().open()
    for _ in range(4):
        await tab.send("[]")
    await tab.subscribe("t")
    assert tab.socket.closed is None
    await tab.send("[]")
    assert await tab.until_closed() == 4400
    assert errors(tab) == ["bad_json"] * 5


@pytest.mark.gen_test
async def test_refused_requests_are_no_bad_frames() -> None:
    tab = await World().open(identity(subscribe="", publish=""))
    for _ in range(10):
        await tab.answer("x", {}, topic="t")
        await tab.subscribe("t")
    assert tab.socket.closed is None


@pytest.mark.gen_test
async def test_beyond_its_rate_a_client_is_told_and_read_no_further_until_it_has_waited() -> None:
    world = World(messages_per_s=4.0)
    tab = await world.open()
    for _ in range(4):
        await tab.answer("pong", {}, topic="t")
    request_id = tab.ask("x", {}, topic="t")
    answer = await tab.answer_to(request_id)
    assert (answer["type"], answer["data"]["code"]) == ("error", "rate_limited")
    await turns()
    assert not tab.reading[-1].done()
    world.clock.advance(0.25)
    await until(tab.reading[-1].done)
    assert (await tab.answer("x", {}, topic="t"))["type"] == "published"


@pytest.mark.gen_test
async def test_a_client_that_leaves_while_it_is_slowed_down_is_let_go() -> None:
    world = World(messages_per_s=1.0)
    tab = await world.open()
    await tab.answer("x", {}, topic="t")
    tab.ask("x", {}, topic="t")
    await turns()
    tab.client.gone()
    await until(lambda: all(one.done() for one in tab.reading))
    world.clock.advance(5.0)
    await turns()


@pytest.mark.gen_test
async def test_a_pong_is_the_acknowledgement_of_topics_that_the_client_has() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    world.publish("t", 1)
    placed = world.publish("t", 2)
    await until(lambda: tab.of_topic("t") == [1, 2])
    seen = {"t": tab.socket.messages[-1]["id"], "other": "y", "user:ada": "never heard of"}
    await tab.send(json.dumps({"v": 1, "topic": "system", "type": "pong", "data": {"seen": seen}}))
    assert tab.session.acknowledged == {"t": placed.seq}
    assert [world.clients.that_saw(TopicName("t"), Seq(seq)) for seq in (placed.prev, placed.seq, placed.seq + 1)] == [
        1,
        1,
        0,
    ]
    assert [message["type"] for message in tab.socket.messages] == ["hello", "subscribed", "x", "x"]
    await tab.answer("unsubscribe", {"topics": ["t"]})
    assert tab.session.acknowledged == {}


@pytest.mark.gen_test
async def test_a_renewed_token_is_answered_with_hello_and_holds_from_then_on() -> None:
    world = World()
    tab = await world.open(identity(subscribe="", expires_at=world.clock.time() + 100.0))
    assert "t" in (await tab.subscribe("t"))["refused"]
    later = world.clock.time() + 1_000.0
    world.tokens["wider"] = identity(subscribe="*", expires_at=later)
    answer = await tab.answer("auth", {"token": "wider"})
    assert (answer["type"], answer["data"]["expires_at"], answer["data"]["user"]) == ("hello", later, "ada")
    assert "t" in (await tab.subscribe("t"))["topics"]
    await until(lambda: all(one.done() for one in tab.reading))


@pytest.mark.parametrize("token", ["of somebody else", "unknown"])
@pytest.mark.gen_test
async def test_a_token_of_somebody_else_or_a_bad_one_changes_nothing(token: str) -> None:
    world = World()
    tab = await world.open(identity(subscribe="mine"))
    world.tokens["of somebody else"] = identity("bob", subscribe="*")
    answer = await tab.answer("auth", {"token": token})
    assert (answer["type"], answer["data"]["code"]) == ("error", "forbidden")
    assert answer["data"]["message"].startswith("token: ")
    assert "t" in (await tab.subscribe("t"))["refused"]
    assert tab.session.identity.user == "ada"
    assert tab.socket.closed is None


@pytest.mark.gen_test
async def test_a_request_on_which_the_actor_fails_is_answered_and_the_session_goes_on(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ControlLaneFull")
    world = World()
    tab = await world.open()
    await tab.subscribe("a", "b")
    crowded = world.directory.mailbox_of(TopicName("c"))
    assert crowded is not None
    reading = tab.client.read(json.dumps(SUBSCRIBE_TO_C))
    with pytest.raises(ControlLaneFull):
        while True:
            crowded.control(Leave(tab.session.mailbox, answer=False))
    await reading
    answer = await tab.answer_to(SUBSCRIBE_TO_C["id"])
    assert (answer["type"], answer["data"]["code"]) == ("error", "internal")
    world.publish("a", 1)
    world.publish("b", 2)
    await until(lambda: tab.of_topic("a") == [1] and tab.of_topic("b") == [2])
    assert len(tab.socket.of_type("hello")) == 1
    assert (await tab.answer("x", {}, topic="a"))["type"] == "published"
