"""What time brings to a client: pings, silence, and the end of its token."""

import pytest
from actor_world import NEXT_PING_S, Tab, World, identity
from fake_socket import FakeSocket
from loop_turns import turns, until

PING_OPCODE = 0x9


async def pass_time(world: World, seconds: float, *heard_by: Tab) -> None:
    """Let time pass second by second, with turns in between; ``heard_by`` tabs answer pings as browsers do."""
    for _ in range(int(seconds)):
        world.clock.advance(1.0)
        for tab in heard_by:
            tab.client.heard()
        await turns(3)


@pytest.mark.gen_test
async def test_first_pings_are_spread_over_the_interval() -> None:
    world = World()
    now = world.clock.monotonic()
    sessions = [world.clients.connect(FakeSocket(), identity()).session for _ in range(30)]
    assert all(0.0 <= session.next_ping - now < 30.0 for session in sessions)
    assert len({session.next_ping for session in sessions}) > 20
    await turns()


@pytest.mark.gen_test
async def test_a_ping_says_where_each_topic_is_and_how_full_the_mailbox_is() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("a", "b")
    placed = world.publish("a")
    await until(lambda: tab.of_topic("a"))
    world.clock.advance(NEXT_PING_S)
    await until(lambda: tab.socket.of_type("ping"))
    [ping] = tab.socket.of_type("ping")
    assert ping["data"] == {
        "seen": {"user:ada": 0, "a": placed.seq, "b": 0},
        "mailbox": {"depth": 0, "high_water": 0, "dropped": 0},
    }
    assert tab.socket.frames[-1] == (PING_OPCODE, b"")


@pytest.mark.gen_test
async def test_pings_come_every_interval_and_not_sooner() -> None:
    world = World()
    tab = await world.open()
    counts = []
    for seconds in (NEXT_PING_S - 1, 1, 29, 1, 29, 1):
        await pass_time(world, seconds, tab)
        counts.append(len(tab.socket.of_type("ping")))
    assert counts == [0, 1, 1, 2, 2, 3]


@pytest.mark.gen_test
async def test_silence_for_the_whole_time_out_ends_the_connection() -> None:
    world = World()
    tab = await world.open()
    await pass_time(world, 59)
    assert tab.socket.closed is None
    await pass_time(world, 1)
    assert await tab.until_closed() == 4408
    assert len(world.clients) == 0


@pytest.mark.gen_test
async def test_any_sign_of_life_counts_from_when_it_came() -> None:
    world = World()
    tab = await world.open()
    await pass_time(world, 50)
    tab.client.heard()
    await pass_time(world, 59)
    assert tab.socket.closed is None
    await pass_time(world, 2)
    assert await tab.until_closed() == 4408


@pytest.mark.gen_test
async def test_at_the_end_of_its_token_the_connection_ends() -> None:
    world = World()
    tab = await world.open(identity(expires_at=world.clock.time() + 10.0))
    await pass_time(world, 9)
    assert tab.socket.closed is None
    await pass_time(world, 1)
    assert await tab.until_closed() == 4401


@pytest.mark.gen_test
async def test_a_token_that_was_taken_within_the_leeway_is_good_to_the_end_of_it() -> None:
    """Closed at once, the client would come back with it, and again, for as long as it is taken."""
    world = World()
    tab = await world.open(identity(expires_at=world.clock.time() - 2.0))
    await pass_time(world, 2)
    assert tab.socket.closed is None
    await pass_time(world, 1)
    assert await tab.until_closed() == 4401


@pytest.mark.gen_test
async def test_a_renewed_token_moves_the_end() -> None:
    world = World()
    tab = await world.open(identity(expires_at=world.clock.time() + 10.0))
    world.tokens["new"] = identity(expires_at=world.clock.time() + 40.0)
    await tab.answer("auth", {"token": "new"})
    await pass_time(world, 39, tab)
    assert tab.socket.closed is None
    await pass_time(world, 1, tab)
    assert await tab.until_closed() == 4401


@pytest.mark.gen_test
async def test_a_shorter_token_moves_the_end_too() -> None:
    world = World()
    tab = await world.open(identity(expires_at=world.clock.time() + 1_000.0))
    world.tokens["short"] = identity(expires_at=world.clock.time() + 5.0)
    await tab.answer("auth", {"token": "short"})
    await pass_time(world, 5, tab)
    assert await tab.until_closed() == 4401


@pytest.mark.gen_test
async def test_a_client_without_an_end_is_never_logged_out() -> None:
    world = World()
    tab = await world.open(identity(expires_at=None))
    await pass_time(world, 400, tab)
    assert tab.socket.closed is None


@pytest.mark.gen_test
async def test_a_ping_shows_a_client_that_it_lags() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    tab.socket.let_through(0)
    for number in range(4):
        world.publish("t", number)
        await turns(3)
    world.clock.advance(NEXT_PING_S)
    await turns()
    tab.socket.let_through(None)
    await until(lambda: len(tab.of_topic("t")) == 4)
    [ping] = tab.socket.of_type("ping")
    assert ping["data"]["mailbox"] == {"depth": 3, "high_water": 3, "dropped": 0}
