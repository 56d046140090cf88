"""A slow browser under each overflow policy: what it is told, and in which order."""

from typing import Any

import pytest
from loop_turns import turns, until
from slow_tab import gaps_of, publish_numbers, slow_tab, story_of, world_with

from actors.client import DRAIN_BYTES
from actors.runtime.overflow import OverflowPolicy


@pytest.mark.gen_test
async def test_under_disconnect_the_browser_is_told_why_and_how_to_go_on() -> None:
    world = world_with(OverflowPolicy.DISCONNECT)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 8)
    assert await tab.until_closed() == 4509
    assert tab.socket.closed == (4509, "slow consumer: the mailbox is full; resume with since")
    assert world.drops() == {"disconnect": 7}, "six that waited, and the one too many"


@pytest.mark.gen_test
async def test_under_catch_up_everything_comes_once_and_in_order_and_nobody_is_closed() -> None:
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 40)
    assert tab.session.mailbox.depth == 0, "what waited comes from history as well"
    tab.socket.let_through(None)
    await until(lambda: tab.of_topic("t") == list(range(1, 41)))
    await publish_numbers(world, 41, 42)
    assert tab.of_topic("t") == list(range(1, 43))
    assert not gaps_of(tab)
    assert tab.socket.closed is None
    assert world.drops() == {"catch_up": 7}, "those that history gave instead"


@pytest.mark.gen_test
async def test_a_reader_that_is_slower_than_its_topic_catches_up_page_by_page_while_more_comes() -> None:
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 10)
    for number in range(11, 41):
        await publish_numbers(world, number, number)
        tab.socket.let_through(150)
        await turns(5)
        received = tab.of_topic("t")
        assert received == list(range(1, len(received) + 1))
    tab.socket.let_through(None)
    await until(lambda: tab.of_topic("t") == list(range(1, 41)))
    assert not gaps_of(tab)


@pytest.mark.gen_test
async def test_under_drop_oldest_a_gap_stands_in_the_place_of_what_is_lost() -> None:
    world = world_with(OverflowPolicy.DROP_OLDEST)
    tab = await slow_tab(world)
    placed = []
    for number in range(1, 11):
        placed.append(world.publish("t", number))
        await turns(3)
    tab.socket.let_through(None)
    await until(lambda: 10 in tab.of_topic("t"))
    assert story_of(tab) == [1, ("gap", 3), 5, 6, 7, 8, 9, 10]
    expected = {"topic": "t", "from": placed[0].seq, "to": placed[4].seq, "dropped": 3, "reason": "overflow"}
    assert gaps_of(tab) == [expected]
    assert world.drops() == {"drop_oldest": 3}


@pytest.mark.gen_test
async def test_under_drop_newest_what_is_lost_at_the_end_is_told_once_the_mailbox_has_drained() -> None:
    world = world_with(OverflowPolicy.DROP_NEWEST)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 10)
    tab.socket.let_through(None)
    await until(lambda: gaps_of(tab))
    assert story_of(tab) == [1, 2, 3, 4, 5, 6, 7, ("gap", 3)]
    [gap] = gaps_of(tab)
    last = next(message for message in tab.socket.messages if message["data"] == 7)
    assert (gap["from"], gap["to"], gap["reason"]) == (last["seq"], None, "overflow")
    await publish_numbers(world, 11, 11)
    assert story_of(tab)[-2:] == [("gap", 3), 11], "told twice"


@pytest.mark.gen_test
async def test_under_latest_the_newest_of_each_subject_comes_and_its_prev_shows_the_rest() -> None:
    world = world_with(OverflowPolicy.LATEST)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 1)
    placed = [world.publish("t", f"{key}{number}", key=key) for number in range(9) for key in ("a", "b")]
    await turns()
    assert tab.session.mailbox.depth == 2
    tab.socket.let_through(None)
    await until(lambda: "b8" in tab.of_topic("t"))
    assert story_of(tab) == [1, "a8", "b8"]
    a8 = next(message for message in tab.socket.messages if message["data"] == "a8")
    assert a8["prev"] == placed[-3].seq
    assert world.drops() == {"latest": 16}


@pytest.mark.parametrize("policy", [OverflowPolicy.DROP_OLDEST, OverflowPolicy.DROP_NEWEST, OverflowPolicy.LATEST])
@pytest.mark.gen_test
async def test_a_final_message_comes_through_whatever_the_policy_loses(policy: OverflowPolicy) -> None:
    world = world_with(policy, finals=frozenset({"end"}))
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 8)
    world.publish("t", "the end", type="end")
    await turns()
    await publish_numbers(world, 10, 20)
    tab.socket.let_through(None)
    await until(lambda: "the end" in tab.of_topic("t"))
    assert tab.socket.closed is None


@pytest.mark.parametrize("policy", [OverflowPolicy.DROP_OLDEST, OverflowPolicy.DROP_NEWEST])
@pytest.mark.gen_test
async def test_where_not_even_a_final_message_fits_the_client_has_to_come_back(policy: OverflowPolicy) -> None:
    world = world_with(policy, finals=frozenset({"end"}))
    tab = await slow_tab(world)
    for number in range(8):
        world.publish("t", number, type="end")
        await turns(3)
    assert await tab.until_closed() == 4509


@pytest.mark.gen_test
async def test_a_busy_topic_costs_the_messages_of_no_other() -> None:
    world = world_with(OverflowPolicy.DROP_OLDEST)
    tab = await slow_tab(world, "u")
    await publish_numbers(world, 1, 3, topic="u")
    await publish_numbers(world, 1, 20)
    tab.socket.let_through(None)
    await until(lambda: 20 in tab.of_topic("t"))
    assert story_of(tab, "u") == [1, 2, 3]
    assert len(gaps_of(tab)) == 1


@pytest.mark.gen_test
async def test_no_more_goes_into_the_sockets_buffer_than_one_write_while_it_is_full() -> None:
    world = world_with(OverflowPolicy.DISCONNECT, mailbox_messages=20, mailbox_bytes=10**6)
    tab = await slow_tab(world)
    for _ in range(12):
        world.publish("t", "x" * DRAIN_BYTES)
        await turns(3)
    assert tab.session.mailbox.depth == 11
    tab.socket.let_through(DRAIN_BYTES + 300)
    await turns()
    assert tab.socket.blocked
    assert tab.session.mailbox.depth == 10


@pytest.mark.gen_test
async def test_a_stalled_write_ends_the_connection_with_its_own_reason() -> None:
    world = world_with(OverflowPolicy.CATCH_UP)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 1)
    tab.socket.stall()
    assert await tab.until_closed() == 4509
    assert tab.socket.closed == (4509, "slow consumer: a write stalled too long; resume with since")


@pytest.mark.gen_test
async def test_a_ping_says_how_deep_how_full_at_most_and_how_many_were_dropped() -> None:
    world = world_with(OverflowPolicy.DROP_OLDEST)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 10)
    world.clock.advance(30.0)
    await turns()
    tab.socket.let_through(None)
    await until(lambda: tab.socket.of_type("ping"))
    assert tab.socket.of_type("ping")[0]["data"]["mailbox"] == {"depth": 6, "high_water": 6, "dropped": 3}


def slow_lines(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [record for record in caplog.records if record.getMessage() == "slow client"]


@pytest.mark.gen_test
async def test_a_slow_episode_is_one_line_that_says_who_what_and_how_deep(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "fanwire.clients")
    world = world_with(OverflowPolicy.DROP_OLDEST)
    tab = await slow_tab(world, "u")
    await publish_numbers(world, 1, 3, topic="u")
    await publish_numbers(world, 1, 20)
    await until(lambda: slow_lines(caplog))
    [line] = slow_lines(caplog)
    assert (line.client, line.user, line.depth, line.policy) == (tab.session.client_id, "ada", 6, "drop_oldest")
    assert line.topics.split(",") == ["u", "t"]


@pytest.mark.gen_test
async def test_an_episode_lasts_until_the_socket_has_taken_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "fanwire.clients")
    world = world_with(OverflowPolicy.DROP_OLDEST)
    tab = await slow_tab(world)
    for _ in range(3):
        await publish_numbers(world, 1, 20)
        tab.socket.let_through(1_000)
        await turns()
        assert tab.session.mailbox.depth == 0, "all that waited is in the socket's buffer"
        assert tab.socket.blocked
    assert len(slow_lines(caplog)) == 1
    tab.socket.let_through(None)
    await turns()
    tab.socket.let_through(0)
    await publish_numbers(world, 1, 20)
    assert len(slow_lines(caplog)) == 2
