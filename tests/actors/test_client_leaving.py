"""A client leaves topics: on its own wish, for want of a right, or for good."""

import pytest
from actor_world import World, identity
from loop_turns import turns, until

from actors.protocol.envelope import TopicName


@pytest.mark.gen_test
async def test_an_unsubscribe_is_answered_and_nothing_of_it_comes_afterwards() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("a", "b")
    answer = await tab.answer("unsubscribe", {"topics": ["a", "never", "a"]})
    assert answer["type"] == "unsubscribed"
    assert sorted(answer["data"]["topics"]) == ["a", "never"]
    world.publish("a", "too late")
    world.publish("b", "still")
    await until(lambda: tab.of_topic("b") == ["still"])
    assert tab.of_topic("a") == []


@pytest.mark.gen_test
async def test_what_waits_of_a_topic_is_dropped_with_it() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("a", "b")
    tab.socket.let_through(0)
    for topic, number in (("a", 1), ("b", 2), ("a", 3)):
        world.publish(topic, number)
        await turns()
    assert tab.session.mailbox.depth == 2, "1 is in the socket's buffer"
    request_id = tab.ask("unsubscribe", {"topics": ["a"]})
    await turns()
    tab.socket.let_through(None)
    await tab.answer_to(request_id)
    await until(lambda: tab.of_topic("b") == [2])
    assert tab.of_topic("a") == [1]
    kinds = [message["type"] for message in tab.socket.messages if message["topic"] in ("a", "system")]
    assert kinds.index("unsubscribed") == len(kinds) - 1, "a message of the topic behind its goodbye"


@pytest.mark.gen_test
async def test_an_empty_subscribe_and_unsubscribe_are_answered_too() -> None:
    tab = await World().open()
    assert (await tab.answer("subscribe", {"topics": {}}))["data"] == {"topics": {}, "refused": {}}
    assert (await tab.answer("unsubscribe", {"topics": []}))["data"] == {"topics": []}


@pytest.mark.gen_test
async def test_a_client_that_is_gone_is_in_no_topic() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    tab.client.gone()
    await until(lambda: tab.session.closed)
    await until(world.is_quiet)
    world.publish("t")
    await turns()
    assert tab.of_topic("t") == []
    world.clock.advance(700.0)
    await until(lambda: world.directory.find(TopicName("t")) is None, "the topic to retire")


@pytest.mark.gen_test
async def test_after_a_renewal_forbidden_topics_are_left_and_said() -> None:
    world = World()
    tab = await world.open(identity(subscribe="*"))
    await tab.subscribe("thread:1", "secret:1")
    world.tokens["narrow"] = identity(subscribe="thread:*")
    answer = await tab.answer("auth", {"token": "narrow"})
    assert answer["type"] == "hello"
    [error] = tab.socket.of_type("error")
    assert (error["data"]["code"], error["data"]["topic"]) == ("forbidden", "secret:1")
    world.publish("secret:1", "hidden")
    world.publish("thread:1", "seen")
    world.publish("user:ada", "own")
    await until(lambda: tab.of_topic("thread:1") == ["seen"] and tab.of_topic("user:ada") == ["own"])
    assert tab.of_topic("secret:1") == []
    assert "secret:1" in (await tab.subscribe("secret:1"))["refused"]


@pytest.mark.gen_test
async def test_what_waited_of_a_forbidden_topic_is_not_sent_any_more() -> None:
    world = World()
    tab = await world.open(identity(subscribe="*"))
    await tab.subscribe("secret:1")
    tab.socket.let_through(0)
    for number in range(3):
        world.publish("secret:1", number)
        await until(world.is_quiet)
        await turns()
    assert tab.session.mailbox.depth == 2
    world.tokens["narrow"] = identity(subscribe="")
    tab.ask("auth", {"token": "narrow"})
    await until(lambda: tab.session.mailbox.depth == 0)
    tab.socket.let_through(None)
    await turns()
    assert tab.of_topic("secret:1") == [0], "only what the socket had already"
