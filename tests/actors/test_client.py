"""One browser's session: its first frame, its lag, and its end."""

import asyncio
import json

import pytest
from actor_world import World, delivery, identity
from loop_turns import turns, until

from actors.client_mailbox import ClientMailbox
from actors.protocol.codes import CloseCode
from actors.runtime.mailbox import Outcome


@pytest.mark.gen_test
async def test_hello_is_the_first_frame_and_says_the_bounds() -> None:
    world = World()
    expires_at = world.clock.time() + 500.0
    tab = await world.open(identity(expires_at=expires_at))
    [hello] = tab.socket.messages
    assert (hello["topic"], hello["type"], hello["v"]) == ("system", "hello", 1)
    assert hello["data"] == {
        "client": tab.session.client_id,
        "user": "ada",
        "heartbeat_s": 30.0,
        "mailbox": {"messages": 20, "bytes": 64 * 1024},
        "expires_at": expires_at,
        "reconnect_jitter_ms": 5_000,
        "epoch": world.bus.epoch,
    }


@pytest.mark.gen_test
async def test_hello_comes_before_a_message_that_is_published_meanwhile() -> None:
    world = World()
    tab = world.connect()
    world.publish("user:ada", 1)
    await turns()
    world.publish("user:ada", 2)
    await until(lambda: 2 in tab.of_topic("user:ada"))
    assert tab.socket.messages[0]["type"] == "hello"


@pytest.mark.gen_test
async def test_everybody_has_a_client_id_of_their_own() -> None:
    world = World()
    tabs = [await world.open() for _ in range(3)]
    assert len({tab.session.client_id for tab in tabs}) == len(world.clients) == 3
    assert [client.session for client in world.clients] == [tab.session for tab in tabs]


@pytest.mark.gen_test
async def test_a_client_that_reads_too_slowly_is_sent_away_and_its_neighbour_notices_nothing() -> None:
    world = World()
    slow, healthy = await world.open(), await world.open()
    await slow.subscribe("t")
    await healthy.subscribe("t")
    slow.socket.let_through(0)
    for number in range(25):
        world.publish("t", number)
        await turns(3)
    assert await slow.until_closed() == 4509
    await until(lambda: healthy.of_topic("t") == list(range(25)))
    assert healthy.socket.closed is None
    assert slow.session.mailbox.depth == 0


@pytest.mark.gen_test
async def test_a_client_that_lags_within_its_bound_gets_everything_in_order() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    tab.socket.let_through(0)
    for number in range(18):
        world.publish("t", number)
        await turns(3)
    assert tab.session.mailbox.depth == 17, "one is in the socket's buffer"
    assert tab.session.mailbox.high_water >= 17
    while len(tab.of_topic("t")) < 18:
        tab.socket.let_through(100)
        await turns(3)
    assert tab.of_topic("t") == list(range(18))
    assert tab.session.mailbox.bytes_waiting == 0


@pytest.mark.gen_test
async def test_a_connection_that_fan_out_finds_gone_is_ended() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    tab.socket.gone = True
    world.publish("t")
    await until(lambda: len(world.clients) == 0)


@pytest.mark.gen_test
async def test_a_gateway_that_goes_away_says_so_to_its_clients() -> None:
    world = World()
    tab = await world.open()
    tab.client.hang_up(CloseCode.RESTART, "the gateway restarts")
    assert await tab.until_closed() == 1012
    assert tab.socket.closed == (1012, "the gateway restarts")


@pytest.mark.gen_test
async def test_a_client_that_left_is_forgotten_with_all_its_timers() -> None:
    world = World()
    tab = await world.open()
    tab.client.gone()
    tab.client.gone()
    await until(lambda: len(world.clients) == 0)
    assert tab.socket.closed is None, "nobody is there to hear a reason"
    tab.client.gone()
    tab.client.hang_up(CloseCode.RESTART, "too late")
    await tab.send("{")
    await until(world.is_quiet)
    world.clock.advance(30.0)
    await until(lambda: len(world.directory) == 0, "the user's own topic to retire")
    assert world.clock.waiting == []


@pytest.mark.gen_test
async def test_a_frame_that_was_read_as_the_connection_ended_keeps_nobody_waiting() -> None:
    tab = await World().open()
    tab.client.hang_up(CloseCode.RESTART, "bye")
    async with asyncio.timeout(1.0):
        await tab.client.read("{}")
    assert await tab.until_closed() == 1012


@pytest.mark.gen_test
async def test_the_mailbox_of_a_client_that_is_gone_takes_nothing_more() -> None:
    world = World()
    tab = await world.open()
    tab.client.gone()
    await until(lambda: tab.session.closed)
    box: ClientMailbox = tab.session.mailbox
    assert box.offer(delivery(1)) is Outcome.CLOSED
    assert (box.depth, box.bytes_waiting) == (0, 0)


@pytest.mark.gen_test
async def test_a_hostile_frame_costs_one_answer_and_not_the_actor() -> None:
    tab = await World().open()
    hostile = json.dumps({"v": 1, "topic": "system", "type": "subscribe", "data": {"topics": ["a" * 60_000]}})
    await tab.send(hostile)
    await tab.send("[" * 60_000)
    assert [error["data"]["code"] for error in tab.socket.of_type("error")] == ["bad_envelope", "bad_json"]
    assert (await tab.subscribe("t"))["topics"]
