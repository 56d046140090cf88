"""Who does not keep up: the worst first, with what waits for them and since when."""

from typing import Any

import pytest
from actor_world import World, identity
from loop_turns import turns, until

from actors.protocol.envelope import Seq
from actors.runtime.overflow import OverflowPolicy
from server.ops.slices import TOP
from server.ops.slow_clients import slow_clients

MANY = 30


async def look(world: World) -> Any:
    return await slow_clients(world.clients.restless(), world.directory.top, world.clock.monotonic())


@pytest.mark.gen_test
async def test_a_client_that_does_not_read_is_shown_with_policy_depth_and_ages() -> None:
    world = World({"t": OverflowPolicy.DROP_OLDEST})
    slow, quick = await world.open(identity("bob")), await world.open()
    for tab in (slow, quick):
        await tab.subscribe("t")
    before = world.publish("t")
    await turns(3)
    slow.session.acknowledged["t"] = Seq(before.seq)  # type: ignore[index]
    slow.socket.let_through(0)
    slow.socket.unsent_since = world.clock.monotonic()
    for number in range(25):
        world.publish("t", number)
        await turns(3)
    world.clock.advance(2.5)
    answer = await look(world)
    (row,) = answer["rows"]
    mailbox = slow.session.mailbox
    assert mailbox.dropped > 0
    assert answer["total"] == 1
    assert row == {
        "client": slow.session.client_id,
        "user": "bob",
        "policy": "drop_oldest",
        "topics": [{"topic": "t", "waiting": 20, "policy": "drop_oldest", "behind": False}],
        "depth": 20,
        "max_messages": 20,
        "high_water": 20,
        "bytes": mailbox.bytes_waiting,
        "max_bytes": 64 * 1024,
        "unsent_s": 2.5,
        "slow_s": 2.5,
        "dropped": mailbox.dropped,
        "ack_lag_s": (world.directory.top("t") - before.seq) / 1e6,  # type: ignore[arg-type]
    }
    slow.socket.let_through(None)
    await until(lambda: mailbox.depth == 0)
    assert (await look(world), mailbox.slow_since) == ({"total": 0, "rows": []}, None)


@pytest.mark.gen_test
async def test_of_thirty_the_twenty_worst_are_shown_those_in_a_slow_episode_first() -> None:
    world = World({"t": OverflowPolicy.DROP_NEWEST})
    tabs = [await world.open() for _ in range(MANY)]
    for number, tab in enumerate(tabs):
        await tab.subscribe(f"u{number}")
        tab.socket.let_through(0)
    for number in range(MANY):
        for _ in range(2 + number // 2):
            world.publish(f"u{number}")
            await turns(2)
    answer = await look(world)
    depths = [row["depth"] for row in answer["rows"]]
    assert (answer["total"], len(depths)) == (MANY, TOP)
    assert depths == sorted(depths, reverse=True)
    assert answer["rows"][0]["client"] in {tab.session.client_id for tab in tabs[-2:]}


@pytest.mark.gen_test
async def test_who_only_waits_for_an_answer_is_not_slow() -> None:
    world = World()
    tab = await world.open()
    tab.session.mailbox.hold()
    assert [client.session for client in world.clients.restless()] == [tab.session]
    assert await look(world) == {"total": 0, "rows": []}
