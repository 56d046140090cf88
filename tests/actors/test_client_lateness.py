"""A gateway that was away itself: a heartbeat that is looked at too late closes nobody falsely."""

import pytest
from actor_world import NEXT_PING_S, World, identity
from loop_turns import turns

from actors.client import LATE_S

TIMEOUT_S = 60.0


@pytest.mark.gen_test
async def test_a_gateway_that_was_away_reads_what_came_meanwhile_before_it_closes() -> None:
    world = World()
    tab = await world.open()
    world.clock.advance(10 * TIMEOUT_S)  # as a machine does that was suspended: nothing ran meanwhile
    await turns()
    assert tab.socket.closed is None
    tab.client.heard()
    world.clock.advance(LATE_S)
    await turns()
    world.clock.advance(LATE_S)
    await turns()
    assert tab.socket.closed is None


@pytest.mark.gen_test
async def test_who_is_silent_after_the_grace_as_well_is_closed() -> None:
    world = World()
    tab = await world.open()
    world.clock.advance(10 * TIMEOUT_S)
    await turns()
    assert tab.socket.closed is None
    world.clock.advance(LATE_S)
    assert await tab.until_closed() == 4408


@pytest.mark.gen_test
async def test_the_grace_is_given_again_where_the_gateway_was_away_again() -> None:
    world = World()
    tab = await world.open()
    for _ in range(3):
        world.clock.advance(2 * TIMEOUT_S)
        await turns()
        assert tab.socket.closed is None
    world.clock.advance(LATE_S)
    assert await tab.until_closed() == 4408


@pytest.mark.gen_test
async def test_a_little_lateness_changes_nothing() -> None:
    world = World()
    tab = await world.open()
    for _ in range(3):
        world.clock.advance(NEXT_PING_S - 0.1)
        await turns()
    world.clock.advance(0.3 + LATE_S / 2)
    assert await tab.until_closed() == 4408


@pytest.mark.gen_test
async def test_a_token_that_ended_while_the_gateway_was_away_gives_no_grace() -> None:
    world = World()
    tab = await world.open(identity(expires_at=world.clock.time() + 10.0))
    world.clock.advance(10 * TIMEOUT_S)
    assert await tab.until_closed() == 4401
