"""A client publishes: what is answered, what is refused, and a bus that takes its time or fails."""

import asyncio
import json
from typing import Any

import pytest
from actor_world import Tab, World, delivery, identity
from loop_turns import turns, until

from actors.directory import TopicSettings
from actors.ports import BusUnavailable, Placed
from actors.protocol.envelope import Envelope, Seq, TopicName, new_trace_id


@pytest.mark.gen_test
async def test_a_publish_is_answered_with_its_position_and_comes_back_where_it_is_subscribed() -> None:
    world = World()
    ada, bob = await world.open(), await world.open(identity("bob"))
    await ada.subscribe("t")
    await bob.subscribe("t")
    before = world.publish("t")
    answer = await ada.answer("typing", {"by": "ada"}, topic="t")
    assert answer["type"] == "published"
    placed = answer["data"]
    assert placed == {"topic": "t", "seq": placed["seq"], "prev": before.seq, "duplicate": False}
    for tab in (ada, bob):
        await until(lambda tab=tab: len(tab.of_topic("t")) == 2)  # type: ignore[misc]
        [message] = tab.socket.of_type("typing")
        assert (message["id"], message["seq"], message["data"]) == (answer["re"], placed["seq"], {"by": "ada"})


@pytest.mark.gen_test
async def test_the_same_publish_again_is_a_duplicate_and_not_delivered_again() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    text = json.dumps({"v": 1, "id": new_trace_id(), "topic": "t", "type": "x", "data": 1})
    await tab.send(text)
    await tab.send(text)
    first, second = (message["data"] for message in tab.socket.of_type("published"))
    assert second == first | {"duplicate": True}
    await turns()
    assert tab.of_topic("t") == [1]


@pytest.mark.gen_test
async def test_a_publish_without_the_right_is_refused_and_nothing_is_stored() -> None:
    world = World()
    tab = await world.open(identity(publish="thread:*"))
    answer = await tab.answer("x", {}, topic="secret")
    assert answer["type"] == "error"
    assert (answer["data"]["code"], answer["data"]["topic"]) == ("forbidden", "secret")
    assert world.bus.top(TopicName("secret")).seq == 0
    assert (await tab.answer("x", {}, topic="thread:1"))["type"] == "published"


@pytest.mark.gen_test
async def test_a_publish_to_a_full_topic_is_refused_as_overloaded() -> None:
    world = World()
    world.topic_settings = TopicSettings(max_messages=0, max_control=9, history_messages=9, history_ttl_s=9.0)
    tab = await world.open()
    await tab.subscribe("t")
    answer = await tab.answer("x", {}, topic="t")
    assert (answer["type"], answer["data"]["code"]) == ("error", "overloaded")
    assert world.bus.top(TopicName("t")).seq == 0


class SlowBus:
    """A bus across a network: answers when the test says so."""

    def __init__(self) -> None:
        self.answers: list[asyncio.Future[Placed]] = []

    def publish(self, envelope: Envelope, *, deduplicate: bool) -> "asyncio.Future[Placed]":
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


async def world_with_slow_bus() -> tuple[Tab, SlowBus, World]:
    world, bus = World(), SlowBus()
    tab = await world.open()
    world.bus.publish = bus.publish  # type: ignore[method-assign, assignment]
    return tab, bus, world


@pytest.mark.gen_test
async def test_a_bus_that_takes_its_time_does_not_stop_the_mailbox() -> None:
    tab, bus, world = await world_with_slow_bus()
    await tab.subscribe("a")
    tab.socket.let_through(0)
    request_id = tab.ask("x", {}, topic="t")
    await until(lambda: bus.answers)
    world.directory.route(delivery(1, topic="a", data="meanwhile"))
    await until(lambda: tab.session.mailbox.depth == 1)
    tab.socket.let_through(None)
    await until(lambda: tab.of_topic("a") == ["meanwhile"])
    assert not tab.reading[-1].done()
    bus.answers[0].set_result(Placed(Seq(7), Seq(3), False))
    answer = await tab.answer_to(request_id)
    assert answer["data"] == {"topic": "t", "seq": 7, "prev": 3, "duplicate": False}
    await until(tab.reading[-1].done)


@pytest.mark.parametrize(
    ("failure", "code"), [(BusUnavailable("bus: is gone", 1), "overloaded"), (OSError("broken pipe"), "internal")]
)
@pytest.mark.gen_test
async def test_a_bus_that_fails_is_answered_too(failure: Exception, code: str, expected_logs: Any) -> None:
    expected_logs.allow("answering a request failed")
    tab, bus, _ = await world_with_slow_bus()
    request_id = tab.ask("x", {}, topic="t")
    await until(lambda: bus.answers)
    bus.answers[0].set_exception(failure)
    answer = await tab.answer_to(request_id)
    assert (answer["type"], answer["data"]["code"]) == ("error", code)
    assert tab.socket.closed is None
    await until(tab.reading[-1].done)
