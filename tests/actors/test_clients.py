"""Everybody who is connected: what they hear when they are stopped from above, and what they have seen."""

from typing import Any

import pytest
from actor_world import World, identity
from loop_turns import turns, until

from actors.protocol.envelope import Seq, TopicName

T = TopicName("t")


@pytest.mark.gen_test
async def test_clients_that_are_stopped_from_above_hear_1012_and_leave_their_topics() -> None:
    world = World()
    tabs = [await world.open(), await world.open(identity("bob"))]
    for tab in tabs:
        await tab.subscribe("t")
    await world.people.shut_down()
    for tab in tabs:
        assert tab.socket.closed is not None
        assert tab.socket.closed[0] == 1012
        assert "come back" in tab.socket.closed[1]
        assert tab.session.closed
    await until(world.is_quiet)
    assert (len(world.clients), world.clients.are_served) == (0, False)
    assert not any(state.subscribers for state in world.directory.states())


@pytest.mark.gen_test
async def test_a_client_that_is_stopped_between_two_incarnations_hears_1012_as_well(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    for _ in range(2):
        tab.session.mailbox.control("what is this?")
        await turns()
    reading = tab.send("a frame that nobody reads any more")
    await world.people.shut_down()
    assert await tab.until_closed() == 1012
    assert tab.session.closed
    await until(reading.done, "the reader to be let go")
    await until(world.is_quiet)
    assert len(world.clients) == 0
    assert not any(state.subscribers for state in world.directory.states())


@pytest.mark.gen_test
async def test_whoever_has_hung_up_is_not_hung_up_on_again() -> None:
    world = World()
    tab = await world.open()
    tab.client.gone()
    await world.people.shut_down()
    assert tab.socket.closed is None
    assert len(world.clients) == 0


@pytest.mark.gen_test
async def test_what_a_client_has_acknowledged_counts_for_all_before_it_and_nothing_behind() -> None:
    world = World()
    tabs = [await world.open() for _ in range(3)]
    for tab in tabs:
        await tab.subscribe("t", "u")
    first, second = world.publish("t", 1), world.publish("t", 2)
    await until(lambda: all(tab.of_topic("t") == [1, 2] for tab in tabs))
    ids = [message["id"] for message in tabs[0].socket.messages if message["topic"] == "t"]
    tabs[0].ask("pong", {"seen": {"t": ids[0]}})
    tabs[1].ask("pong", {"seen": {"t": ids[1], "u": ids[1]}})
    await until(lambda: tabs[1].session.acknowledged, "the second ACK")
    saw = world.clients.that_saw
    assert [saw(T, seq) for seq in (first.seq, second.seq, Seq(second.seq + 1))] == [2, 1, 0]
    assert saw(TopicName("u"), Seq(1)) == 0, "an id of another topic acknowledges nothing"
    tabs[1].client.gone()
    await until(lambda: len(world.clients) == 2, "the end of the second")
    assert saw(T, first.seq) == 1


@pytest.mark.gen_test
async def test_what_an_actor_took_out_and_could_not_write_is_not_passed_over(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    expected_logs.allow("a client's mailbox failed")
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    tab.socket.let_through(0)
    for number in range(4):
        world.publish("t", number)
        await turns(3)
    write, failures = tab.socket.write, [OSError("on purpose")]

    def failing_write(frames: bytes | memoryview) -> None:
        if failures:
            raise failures.pop()
        write(frames)

    tab.socket.write = failing_write  # type: ignore[method-assign]
    tab.socket.let_through(None)
    world.publish("t", 4)
    await until(lambda: tab.socket.closed or tab.of_topic("t")[-1] == 4, "what comes of it")
    assert tab.socket.closed or tab.socket.of_type("gap"), f"lost without a word: {tab.of_topic('t')}"


@pytest.mark.gen_test
async def test_those_for_whom_something_waits_are_known_without_a_look_at_the_others() -> None:
    world = World()
    slow, quick = await world.open(), await world.open()
    for tab in (slow, quick):
        await tab.subscribe("t")
    assert world.clients.restless() == []
    slow.socket.let_through(0)
    for number in range(3):
        world.publish("t", number)
        await turns(3)
    assert [client.session for client in world.clients.restless()] == [slow.session]
    assert world.clients._restless == {slow.session.client_id}
    slow.socket.let_through(None)
    await until(lambda: slow.session.mailbox.is_at_rest)
    assert (world.clients.restless(), world.clients._restless) == ([], set())


@pytest.mark.gen_test
async def test_of_those_who_have_left_no_note_is_kept_though_nobody_looks() -> None:
    world = World()
    for _ in range(5):
        tab = await world.open()
        await tab.subscribe("t")
        tab.socket.let_through(0)
        world.publish("t")
        await turns(3)
        tab.client.gone()
        await until(lambda: not world.clients)
        world.publish("t")
        await turns(3)
        tab.session.mailbox.forget_topic(T)  # as a topic's late answer would make it
    assert world.clients._restless == set()
