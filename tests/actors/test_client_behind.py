"""A client that is behind in a topic, and what may happen before history has brought it up to date."""

from typing import Any

import pytest
from loop_turns import turns, until
from slow_tab import gaps_of, publish_numbers, slow_tab, story_of, world_with

from actors.protocol.envelope import TopicName
from actors.runtime.overflow import OverflowPolicy

T = TopicName("t")


@pytest.mark.gen_test
async def test_where_history_no_longer_reaches_back_a_gap_says_from_where() -> None:
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    placed = []
    for number in range(1, 71):
        placed.append(world.publish("t", number))
        await turns(3)
    tab.socket.let_through(None)
    await until(lambda: 70 in tab.of_topic("t"))
    assert story_of(tab) == [1, ("gap", None), *range(21, 71)]
    expected = {"topic": "t", "from": placed[0].seq, "to": placed[20].seq, "dropped": None, "reason": "history"}
    assert gaps_of(tab) == [expected]


@pytest.mark.gen_test
async def test_where_history_has_nothing_at_all_a_gap_without_an_end_says_so_and_live_goes_on() -> None:
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 10)
    tab.client.heard()
    world.clock.advance(59.0)
    tab.client.heard()
    for _ in range(11):
        world.clock.advance(55.0)
        tab.client.heard()
        await turns()
    tab.socket.let_through(None)
    await until(lambda: gaps_of(tab))
    assert story_of(tab) == [1, ("gap", None)]
    assert gaps_of(tab)[0]["to"] is None
    await publish_numbers(world, 11, 12)
    assert story_of(tab) == [1, ("gap", None), 11, 12]


@pytest.mark.gen_test
async def test_where_a_final_message_may_be_among_what_history_lost_the_client_has_to_come_back() -> None:
    world = world_with(OverflowPolicy.CATCH_UP, finals=frozenset({"end"}))
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 70)
    tab.socket.let_through(None)
    assert await tab.until_closed() == 4509
    assert story_of(tab) == [1]


@pytest.mark.gen_test
async def test_a_topic_is_left_while_it_is_behind_and_nothing_of_it_comes_any_more() -> None:
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world, "u")
    await publish_numbers(world, 1, 20)
    request_id = tab.ask("unsubscribe", {"topics": ["t"]})
    await turns()
    tab.socket.let_through(None)
    await tab.answer_to(request_id)
    await publish_numbers(world, 1, 2, topic="u")
    assert (tab.of_topic("t"), tab.of_topic("u")) == ([1], [1, 2])
    assert tab.session.mailbox.position_of(T) is None


@pytest.mark.gen_test
async def test_who_comes_back_to_a_topic_that_was_behind_starts_where_it_says() -> None:
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 20)
    leaving = tab.ask("unsubscribe", {"topics": ["t"]})
    await turns()
    tab.socket.let_through(None)
    await tab.answer_to(leaving)
    [first] = [message for message in tab.socket.messages if message["topic"] == "t"]
    answer = await tab.subscribe(t=first["seq"])
    assert answer["topics"]["t"]["replayed"] == 19
    await until(lambda: tab.of_topic("t") == list(range(1, 21)))
    assert not gaps_of(tab)


@pytest.mark.gen_test
async def test_subscribing_again_while_behind_changes_nothing() -> None:
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 20)
    request_id = tab.ask("subscribe", {"topics": {"t": {"since": "earliest"}}})
    await turns()
    tab.socket.let_through(None)
    assert (await tab.answer_to(request_id))["data"]["topics"]["t"]["replayed"] == 0
    await until(lambda: tab.of_topic("t") == list(range(1, 21)))


@pytest.mark.gen_test
async def test_messages_of_other_topics_go_on_while_one_is_behind() -> None:
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world, "u")
    await publish_numbers(world, 1, 20)
    await publish_numbers(world, 1, 3, topic="u")
    tab.socket.let_through(None)
    await until(lambda: tab.of_topic("t") == list(range(1, 21)) and tab.of_topic("u") == [1, 2, 3])
    first_of_u = next(n for n, message in enumerate(tab.socket.messages) if message["topic"] == "u")
    last_of_t = max(n for n, message in enumerate(tab.socket.messages) if message["topic"] == "t")
    assert first_of_u < last_of_t, "what is live waited for the whole of a refill"


@pytest.mark.gen_test
async def test_a_topic_that_is_given_up_while_a_client_is_behind_sends_it_to_resume(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    expected_logs.allow("a topic is in quarantine")
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 20)
    box = world.directory.find(T)
    assert box is not None
    for _ in range(4):
        box.control("what is this?")
        await turns()
        world.clock.advance(1.0)
    assert await tab.until_closed() == 4510


@pytest.mark.gen_test
async def test_a_client_that_fails_while_it_is_behind_goes_on_catching_up(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: NotImplementedError")
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 20)
    tab.socket.let_through(300)
    await turns(2)
    tab.session.mailbox.control("what is this?")
    await turns()
    tab.socket.let_through(None)
    await until(lambda: tab.of_topic("t") == list(range(1, 21)))
    assert tab.socket.closed is None


@pytest.mark.gen_test
async def test_a_topic_that_fails_while_a_client_is_behind_brings_it_up_to_date_all_the_same(
    expected_logs: Any,
) -> None:
    expected_logs.allow("an actor failed: NotImplementedError")
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 20)
    box = world.directory.find(T)
    assert box is not None
    box.control("what is this?")
    tab.socket.let_through(None)
    await until(lambda: tab.of_topic("t") == list(range(1, 21)))
    assert tab.socket.closed is None
