"""A client's actor fails: the browser notices nothing, or is told to come back."""

from typing import Any

import pytest
from actor_world import NEXT_PING_S, Tab, World, identity
from loop_turns import turns, until

from actors.protocol.envelope import Seq, TopicName
from actors.topic_requests import Joined


def poison(tab: Tab) -> None:
    """Make this client's actor fail once: nobody handles what this is."""
    tab.session.mailbox.control("what is this?")


@pytest.mark.gen_test
async def test_a_browser_notices_nothing_of_a_restart(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: NotImplementedError")
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    world.publish("t", 1)
    poison(tab)
    world.publish("t", 2)
    await until(lambda: tab.of_topic("t") == [1, 2])
    assert (await tab.answer("x", {}, topic="t"))["type"] == "published"
    assert len(tab.socket.of_type("hello")) == 1
    assert tab.socket.closed is None
    tab.client.heard()
    world.clock.advance(NEXT_PING_S)
    await turns()
    assert len(tab.socket.of_type("ping")) == 1


@pytest.mark.gen_test
async def test_what_comes_while_it_waits_for_its_restart_is_kept_in_order(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: NotImplementedError")
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    poison(tab)
    poison(tab)
    await turns()
    for number in range(5):
        world.publish("t", number)
        await turns(3)
    assert tab.of_topic("t") == []
    world.clock.advance(1.0)
    await until(lambda: tab.of_topic("t") == list(range(5)))


@pytest.mark.gen_test
async def test_a_client_that_fails_again_and_again_is_told_to_come_back(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    world = World()
    tab, other = await world.open(), await world.open(identity("bob"))
    await tab.subscribe("t")
    for _ in range(4):
        poison(tab)
        await turns()
        world.clock.advance(0.5)
    assert await tab.until_closed() == 1011
    await until(world.is_quiet)
    assert len(world.clients) == 1
    assert other.socket.closed is None
    assert not world.escalated
    world.publish("t", "nobody hears this")
    await turns()
    assert tab.of_topic("t") == []
    assert world.directory.find(TopicName("t")) is not None


@pytest.mark.gen_test
async def test_a_topic_that_is_lost_unasked_sends_the_client_to_resume(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    expected_logs.allow("a topic is in quarantine")
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    box = world.directory.find(TopicName("t"))
    assert box is not None
    for _ in range(4):
        box.control("what is this?")
        await turns()
        world.clock.advance(1.0)
    assert await tab.until_closed() == 4510


@pytest.mark.gen_test
async def test_a_request_on_whose_answer_the_actor_fails_is_answered_and_lets_messages_through(
    expected_logs: Any,
) -> None:
    expected_logs.allow("an actor failed")
    world = World()
    tab = await world.open()
    request_id = tab.ask("subscribe", {"topics": ["t"]})
    await until(lambda: tab.session.request, "the request")
    unspeakable: Any = object()
    tab.session.mailbox.control(Joined(TopicName("t"), unspeakable, True, 0, None))
    answer = await tab.answer_to(request_id)
    assert (answer["type"], answer["data"]["code"]) == ("error", "internal")
    await until(tab.reading[-1].done, "the next frame to be read")
    world.publish("t", "let through")
    await until(lambda: tab.of_topic("t") == ["let through"])
    assert (await tab.subscribe("u"))["topics"]["u"]["seq"] == Seq(0)


@pytest.mark.gen_test
async def test_a_user_whose_own_topic_is_in_quarantine_is_let_in_and_told(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    expected_logs.allow("a topic is in quarantine")
    world = World()
    own = TopicName("user:ada")
    box = world.directory.mailbox_of(own)
    assert box is not None
    for _ in range(4):
        box.control("what is this?")
        await turns()
        world.clock.advance(1.0)
    assert world.directory.find(own) is None
    tab = await world.open()
    [error] = tab.socket.of_type("error")
    assert (error["data"]["code"], error["data"]["topic"]) == ("overloaded", "user:ada")
    assert [message["type"] for message in tab.socket.messages] == ["hello", "error"]
    assert "t" in (await tab.subscribe("t"))["topics"]
