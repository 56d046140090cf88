"""From a name to a mailbox: topics start on first use, retire, and are kept out of the way where they fail."""

from typing import Any

import pytest
from actor_world import World, delivery, identity
from loop_turns import turns, until

from actors.directory import QUARANTINE_S, TopicSettings
from actors.protocol.envelope import TopicName
from actors.runtime.mailbox import Outcome

T = TopicName("t")


def break_topic(world: World, times: int = 4) -> None:
    """Make the topic fail on as many messages: nobody handles what this is."""
    mailbox = world.directory.mailbox_of(T)
    assert mailbox is not None
    for _ in range(times):
        mailbox.control("what is this?")


async def until_quarantined(world: World) -> None:
    for _ in range(10):
        await turns()
        world.clock.advance(1.0)
    await until(lambda: world.directory.find(T) is None, "the quarantine")


@pytest.fixture
def failures_are_meant(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    expected_logs.allow("dead letter")
    expected_logs.allow("a topic is in quarantine")


@pytest.mark.gen_test
async def test_a_topic_starts_on_its_first_use_and_keeps_its_address() -> None:
    world = World()
    assert world.directory.find(T) is None
    first = world.directory.mailbox_of(T)
    assert first is not None
    assert world.directory.mailbox_of(T) is world.directory.find(T) is first
    assert len(world.directory) == 1


@pytest.mark.gen_test
async def test_asking_for_room_or_for_the_top_starts_nothing() -> None:
    world = World()
    assert world.directory.has_room(T)
    assert world.directory.top(T) == 0
    assert len(world.directory) == 0


@pytest.mark.gen_test
async def test_a_message_starts_its_topic_behind_the_position_before_it() -> None:
    world = World()
    assert world.directory.route(delivery(30, 20)) is Outcome.QUEUED
    assert world.directory.top(T) == 20
    await until(lambda: world.directory.top(T) == 30)


@pytest.mark.gen_test
async def test_a_topic_that_comes_back_knows_the_last_position_from_the_bus() -> None:
    world = World()
    placed = world.publish(T)
    world.clock.advance(700.0)
    await turns()
    world.clock.advance(700.0)
    await until(lambda: world.directory.find(T) is None, "the topic to retire")
    assert world.directory.top(T) == placed.seq
    tab = await world.open()
    answer = await tab.subscribe(t=placed.seq)
    assert answer["topics"]["t"] == {"seq": placed.seq, "recovered": True, "replayed": 0}


@pytest.mark.gen_test
async def test_a_topic_that_is_full_has_no_room_and_refuses() -> None:
    world = World()
    world.topic_settings = TopicSettings(max_messages=2, max_control=9, history_messages=9, history_ttl_s=9.0)
    for seq in (10, 20):
        assert world.directory.has_room(T)
        world.directory.route(delivery(seq, seq - 10))
    assert not world.directory.has_room(T)
    assert world.directory.route(delivery(30, 20)) is Outcome.REFUSED
    await until(lambda: world.directory.has_room(T), "room again")


@pytest.mark.usefixtures("failures_are_meant")
@pytest.mark.gen_test
async def test_a_topic_that_fails_for_ever_is_not_served_for_a_while_and_others_are() -> None:
    world = World()
    break_topic(world)
    await until_quarantined(world)
    assert not world.directory.has_room(T)
    assert world.directory.mailbox_of(T) is None
    tab = await world.open()
    answer = await tab.subscribe("t", "other")
    assert set(answer["topics"]) == {"other"}
    assert answer["refused"]["t"]["code"] == "overloaded"
    published = await tab.answer("x", {}, topic="t")
    assert (published["type"], published["data"]["code"]) == ("error", "overloaded")


@pytest.mark.usefixtures("failures_are_meant")
@pytest.mark.gen_test
async def test_a_quarantine_ends_and_positions_go_on_behind_the_last() -> None:
    world = World()
    last = world.publish(T)
    break_topic(world)
    await until_quarantined(world)
    world.clock.advance(QUARANTINE_S)
    assert world.directory.has_room(T)
    tab = await world.open()
    assert (await tab.subscribe("t"))["topics"]["t"]["seq"] == last.seq
    assert world.publish(T, "again").prev == last.seq
    await until(lambda: tab.of_topic("t") == ["again"])


@pytest.mark.usefixtures("failures_are_meant")
@pytest.mark.gen_test
async def test_its_subscribers_are_told_to_come_back_and_other_clients_are_not() -> None:
    world = World()
    ada, bob = await world.open(), await world.open(identity("bob"))
    await ada.subscribe("t")
    await bob.subscribe("other")
    break_topic(world)
    await until_quarantined(world)
    assert await ada.until_closed() == 4510
    await turns()
    assert bob.socket.closed is None


@pytest.mark.usefixtures("failures_are_meant")
@pytest.mark.gen_test
async def test_a_subscribe_that_waits_for_a_topic_that_is_given_up_is_refused() -> None:
    world = World()
    tab = await world.open()
    break_topic(world)
    request_id = tab.ask("subscribe", {"topics": ["t", "other"]})
    await until_quarantined(world)
    answer = await tab.answer_to(request_id)
    assert set(answer["data"]["topics"]) == {"other"}
    assert answer["data"]["refused"]["t"]["code"] == "overloaded"
    assert tab.socket.closed is None
    assert "t" not in tab.session.topics


@pytest.mark.usefixtures("failures_are_meant")
@pytest.mark.gen_test
async def test_a_subscriber_that_asks_again_meanwhile_is_told_once() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    break_topic(world)
    request_id = tab.ask("subscribe", {"topics": ["t"]})
    await until_quarantined(world)
    answer = await tab.answer_to(request_id)
    assert answer["data"]["refused"]["t"]["code"] == "overloaded"
    await turns()
    assert tab.socket.closed is None


@pytest.mark.usefixtures("failures_are_meant")
@pytest.mark.gen_test
async def test_a_few_failures_do_not_quarantine_a_topic() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    break_topic(world, times=3)
    for _ in range(5):
        await turns()
        world.clock.advance(0.5)
    world.publish(T, "still served")
    await until(lambda: tab.of_topic("t") == ["still served"])


@pytest.mark.gen_test
async def test_topics_in_which_a_message_waits_are_known_and_no_note_outlives_them() -> None:
    world = World()
    world.directory.route(delivery(1))
    assert [state.name for state in world.directory.restless()] == [T]
    await until(world.is_quiet)
    assert (world.directory.restless(), world.directory._offered) == ([], set())
    world.directory.route(delivery(2, 1))
    await until(world.is_quiet)
    await world.topics.stop_child(T)
    assert world.directory._offered == set()
