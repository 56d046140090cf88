"""What holds an actor for too long, what it takes up, and what it is reminded of."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from loop_turns import turns, until
from recorder import Life, Recorder, raising

from actors.runtime.exit import Exit, Hung
from server.testing.manual_clock import ManualClock


class Impatient(Recorder):
    hold_s = 0.02


@pytest.mark.gen_test
async def test_an_actor_that_is_held_for_too_long_has_failed_and_what_it_waited_for_is_cancelled() -> None:
    life = Life()
    life.start(Impatient)
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wait() -> Awaitable[None]:
        return gate

    life.mailbox.offer(wait)
    life.mailbox.offer("behind")
    ended = await life.until_ended()
    assert isinstance(ended.failure, Hung)
    assert (ended.failure.after_s, str(ended.failure)) == (0.02, "not done with one message after 0.02 s")
    assert (ended.message, ended.waiting) == (wait, 1)
    await turns()
    assert gate.cancelled()
    life.start()
    await life.until_seen("start", Hung, "start", "behind")


@pytest.mark.gen_test
async def test_who_ignores_cancellation_is_abandoned_and_cannot_touch_the_next_incarnation() -> None:
    life, ignored = Life(), asyncio.Event()
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def deaf() -> None:
        try:
            await asyncio.shield(gate)
        except asyncio.CancelledError:
            ignored.set()
        await gate

    life.start(Impatient)
    life.mailbox.offer(deaf)
    assert isinstance((await life.until_ended()).failure, Hung)
    life.start()
    async with asyncio.timeout(5):
        await ignored.wait()
    life.mailbox.offer("served")
    await life.until_seen("start", Hung, "start", "served")
    gate.set_result(None)
    await turns()
    assert len(life.exits) == 1
    life.mailbox.offer("still served")
    await until(lambda: life.seen[-1] == "still served")


@pytest.mark.gen_test
async def test_who_is_done_in_time_is_not_hung_later() -> None:
    life = Life()
    actor = life.start()
    for number in range(3):
        life.mailbox.offer(lambda: asyncio.sleep(0))
        life.mailbox.offer(number)
    await life.until_seen("start", 0, 1, 2)
    assert actor._patience is not None
    assert actor._patience.cancelled()


class TakesUp(Recorder):
    """Finishes what is in ``left`` before anything else."""

    left: list[Any] = []  # noqa: RUF012  # given anew by each test

    def take_up(self) -> Awaitable[object] | None:
        unfinished: Awaitable[object] | None = self.left.pop()() if self.left else None
        return unfinished


def taking_up(act: Any) -> type[Recorder]:
    return type("TakesUpOnce", (TakesUp,), {"left": [act]})


@pytest.mark.gen_test
async def test_what_was_left_half_done_is_finished_after_on_start_and_before_what_waits() -> None:
    life = Life()
    life.mailbox.offer("data")
    life.mailbox.control("control")
    life.start(taking_up(lambda: life.seen.append("taken up")))
    assert life.seen == ["start", "taken up"], "in the turn of who starts it"
    await life.until_seen("start", "taken up", "control", "data")


@pytest.mark.gen_test
async def test_what_is_taken_up_may_hold_the_actor() -> None:
    life = Life()
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    life.mailbox.offer("data")
    life.start(taking_up(lambda: gate))
    life.mailbox.control("control")
    life.mailbox.control_now("now")
    await turns()
    assert life.seen == ["start"]
    gate.set_result(None)
    await life.until_seen("start", "control", "now", "data")


@pytest.mark.gen_test
async def test_failing_on_what_is_taken_up_is_a_failure_to_start() -> None:
    life = Life()
    life.mailbox.offer("data")
    life.start(taking_up(raising(ValueError("again"))))
    ended = await life.until_ended()
    assert (str(ended.failure), ended.message, ended.waiting) == ("again", None, 1)
    await turns()
    assert life.seen == ["start", ValueError]


class EndsAtStart(Recorder):
    def on_start(self) -> None:
        super().on_start()
        self.end()


@pytest.mark.gen_test
async def test_who_ends_itself_at_its_start_leaves_the_mailbox_to_the_next() -> None:
    life = Life()
    dead = EndsAtStart(life.mailbox, life.seen)
    dead.run(lambda record: life.start(), 1)  # type: ignore[arg-type]
    life.mailbox.offer("for the next")
    await until(lambda: "for the next" in life.seen, f"the next incarnation: {life.seen}")
    assert life.seen == ["start", "stop", "start", "for the next"]


@pytest.mark.gen_test
async def test_a_failure_to_start_is_heard_before_run_returns() -> None:
    class Fails(Recorder):
        def on_start(self) -> None:
            raise OSError("no")

    life = Life()
    life.start(Fails)
    assert [str(record.failure) for record in life.exits] == ["no"]


@pytest.mark.gen_test
async def test_a_reminder_comes_ahead_of_data_when_it_is_due() -> None:
    life, clock = Life(), ManualClock()
    life.start().set_reminder(clock, 2.0, "due")
    clock.advance(1.9)
    await turns()
    assert life.seen == ["start"]
    life.mailbox.offer("data")
    clock.advance(0.1)
    await life.until_seen("start", "due", "data")


@pytest.mark.gen_test
async def test_a_new_reminder_takes_the_place_of_the_earlier_one() -> None:
    life, clock = Life(), ManualClock()
    actor = life.start()
    actor.set_reminder(clock, 1.0, "first")
    actor.set_reminder(clock, 3.0, "second")
    assert clock.waiting == [3.0]
    clock.advance(5.0)
    await life.until_seen("start", "second")
    actor.set_reminder(clock, 1.0, "third")
    actor.forget_reminder()
    assert clock.waiting == []


@pytest.mark.parametrize("end", [lambda life: life.mailbox.offer(raising(ValueError())), lambda life: life.actor.end()])
@pytest.mark.gen_test
async def test_a_reminder_ends_with_the_incarnation_that_set_it(end: Any) -> None:
    life: Any = Life()
    clock = ManualClock()
    life.actor = life.start()
    life.actor.set_reminder(clock, 1.0, "of the first life")
    end(life)
    await life.until_ended()
    assert clock.waiting == []
    life.start()
    clock.advance(10.0)
    await turns()
    assert "of the first life" not in life.seen


@pytest.mark.gen_test
async def test_a_reminder_that_was_due_before_the_failure_is_not_heard_by_the_next_incarnation() -> None:
    life, clock = Life(), ManualClock()
    actor = life.start()
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    life.mailbox.offer(lambda: gate)
    await turns()
    actor.set_reminder(clock, 1.0, "late, of the first life")
    clock.advance(1.0)
    gate.set_exception(ValueError("first"))
    await life.until_ended()
    life.start()
    life.mailbox.offer("of the second life")
    await until(lambda: life.seen[-1] == "of the second life")
    assert "late, of the first life" not in life.seen


@pytest.mark.gen_test
async def test_stop_asks_for_an_end_in_order_ahead_of_all_data() -> None:
    life = Life()
    actor = life.start()
    life.mailbox.offer("data")
    actor.stop()
    ended = await life.until_ended()
    assert (ended.failure, ended.waiting) == (None, 1)
    assert life.seen == ["start", "stop"]


@pytest.mark.gen_test
async def test_an_exit_names_the_label_and_generation_it_was_run_with() -> None:
    life, exits = Life(), list[Exit]()
    labelled = Recorder(life.mailbox, life.seen)
    labelled.run(exits.append, 4, "topic thread:42")
    labelled.end()
    bare = Recorder(life.mailbox, life.seen)
    bare.run(exits.append, 5)
    bare.end()
    assert [(record.actor, record.generation) for record in exits] == [("topic thread:42", 4), (bare.actor_urn, 5)]
    assert bare.actor_urn.startswith("Recorder:")


@pytest.mark.gen_test
async def test_being_asked_to_stop_does_not_reach_the_next_incarnation() -> None:
    life = Life()
    actor = life.start()
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    life.mailbox.offer(lambda: gate)
    await turns()
    actor.stop()
    actor.end()  # it did not do so in time
    life.start()
    life.mailbox.offer("for the next")
    await turns()
    assert life.seen == ["start", "stop", "start", "for the next"]
