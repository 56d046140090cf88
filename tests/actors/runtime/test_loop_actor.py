"""An actor on the loop: its turns, what holds it, and its end in order."""

import asyncio

import pytest
from loop_turns import turns
from recorder import Life

from actors.runtime.exit import Stop
from actors.runtime.loop_actor import TURN_BUDGET


@pytest.mark.gen_test
async def test_messages_are_handled_in_order_after_on_start() -> None:
    life = Life()
    life.mailbox.offer("before it runs")
    life.start()
    assert life.seen == ["start"]
    life.mailbox.offer("a")
    life.mailbox.control("control")
    await life.until_seen("start", "control", "before it runs", "a")


@pytest.mark.gen_test
async def test_an_actor_that_rests_is_woken_by_each_new_message() -> None:
    life = Life()
    life.start()
    for number in range(3):
        await turns()
        life.mailbox.offer(number)
    await life.until_seen("start", 0, 1, 2)


@pytest.mark.gen_test
async def test_a_busy_actor_lets_others_have_the_loop_after_its_budget() -> None:
    life = Life()
    life.start()
    await life.until_seen("start")
    for number in range(3 * TURN_BUDGET):
        life.mailbox.offer(number)
    counts = []
    while len(life.seen) < 1 + 3 * TURN_BUDGET:
        await asyncio.sleep(0)
        counts.append(len(life.seen) - 1)
    assert counts[:3] == [TURN_BUDGET, 2 * TURN_BUDGET, 3 * TURN_BUDGET]


@pytest.mark.gen_test
async def test_an_awaitable_holds_the_actor_until_it_is_done() -> None:
    life = Life()
    life.start()
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    life.mailbox.offer(lambda: gate)
    life.mailbox.offer("data")
    await turns()
    life.mailbox.control("control")
    await turns()
    assert life.seen == ["start"]
    gate.set_result(None)
    await life.until_seen("start", "control", "data")


@pytest.mark.gen_test
async def test_control_now_is_handled_before_it_returns_where_the_actor_rests() -> None:
    life = Life()
    life.mailbox.control_now("before it runs")
    life.start()
    await life.until_seen("start", "before it runs")
    life.mailbox.offer("data")
    life.mailbox.control_now("now")
    assert life.seen == ["start", "before it runs", "now", "data"]


@pytest.mark.gen_test
async def test_control_now_does_not_break_into_a_turn_or_a_hold() -> None:
    life = Life()
    life.start()
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def in_the_middle() -> asyncio.Future[None]:
        life.mailbox.control_now("during the turn")
        life.seen.append("end of the turn")
        return gate

    life.mailbox.offer(in_the_middle)
    await life.until_seen("start", "end of the turn")
    life.mailbox.control_now("during the hold")
    assert life.seen == ["start", "end of the turn"]
    gate.set_result(None)
    await life.until_seen("start", "end of the turn", "during the turn", "during the hold")


@pytest.mark.gen_test
async def test_stop_waits_for_an_awaitable_that_holds_the_actor() -> None:
    life = Life()
    life.start()
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    life.mailbox.offer(lambda: gate)
    await turns()
    life.mailbox.control(Stop())
    await turns()
    assert not life.exits
    gate.set_result(None)
    assert (await life.until_ended()).failure is None


@pytest.mark.gen_test
async def test_stop_ends_in_order_and_leaves_what_waits() -> None:
    life = Life()
    life.start()
    await life.until_seen("start")
    life.mailbox.offer("left")
    life.mailbox.control(Stop())
    ended = await life.until_ended()
    assert (ended.failure, ended.waiting, ended.generation, ended.traceback()) == (None, 1, 1, "")
    assert life.seen == ["start", "stop"]


@pytest.mark.gen_test
async def test_an_actor_may_end_itself_in_its_own_turn() -> None:
    life = Life()
    actor = life.start()
    life.mailbox.offer(actor.end)
    life.mailbox.offer("left")
    assert (await life.until_ended()).waiting == 1
    actor.end()
    await turns()
    assert life.seen == ["start", "stop"]
    assert len(life.exits) == 1


@pytest.mark.gen_test
async def test_an_actor_that_has_ended_takes_nothing_more_from_its_mailbox() -> None:
    life = Life()
    life.start()
    life.mailbox.offer("a")
    life.mailbox.control(Stop())
    await life.until_ended()
    life.mailbox.offer("b")
    await turns()
    assert [life.mailbox.take_data(), life.mailbox.take_data()] == ["a", "b"]
