"""Failures of every kind end one incarnation of one actor; its mailbox waits for the next."""

import asyncio
from typing import Any

import pytest
from loop_turns import until
from recorder import Life, Recorder, raising

from actors.runtime.exit import Exit, Stop
from actors.runtime.loop_actor import LoopActor
from actors.runtime.mailbox import Mailbox


@pytest.mark.parametrize(
    "failure",
    [ValueError("x"), asyncio.CancelledError(), SystemExit(1), KeyboardInterrupt(), GeneratorExit()],
    ids=lambda failure: type(failure).__name__,
)
@pytest.mark.gen_test
async def test_any_exception_ends_only_the_incarnation_that_raised_it(failure: BaseException) -> None:
    life, neighbour = Life(), Life()
    life.start()
    neighbour.start()
    poison = raising(failure)
    life.mailbox.offer("before")
    life.mailbox.offer(poison)
    life.mailbox.offer("behind")
    ended = await life.until_ended()
    assert (ended.failure, ended.message, ended.waiting) == (failure, poison, 1)
    assert type(failure).__name__ in ended.traceback()
    life.start()
    await life.until_seen("start", "before", type(failure), "start", "behind")
    neighbour.mailbox.offer("still there")
    await neighbour.until_seen("start", "still there")


@pytest.mark.parametrize(
    "failure", [ValueError("x"), asyncio.CancelledError()], ids=lambda failure: type(failure).__name__
)
@pytest.mark.gen_test
async def test_an_awaitable_that_fails_ends_the_incarnation(failure: BaseException) -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise failure

    life = Life()
    life.start()
    life.mailbox.offer(fails)
    life.mailbox.offer("behind")
    ended = await life.until_ended()
    assert isinstance(ended.failure, type(failure))
    assert (ended.message, ended.waiting) == (fails, 1)
    life.start()
    await life.until_seen("start", type(failure), "start", "behind")


@pytest.mark.parametrize("failure", [SystemExit(1), KeyboardInterrupt()], ids=lambda failure: type(failure).__name__)
@pytest.mark.gen_test
async def test_an_awaitable_that_wants_the_process_to_end_ends_only_its_actor(failure: BaseException) -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise failure

    life = Life()
    life.start()
    life.mailbox.offer(fails)
    assert (await life.until_ended()).failure is failure


class FailsToStart(Recorder):
    def on_start(self) -> None:
        raise OSError("cannot start")


class FailsToStop(Recorder):
    def on_stop(self) -> None:
        raise OSError("cannot stop")


class FailsToFail(Recorder):
    def on_failure(self, *failure: object) -> None:
        raise OSError("cannot even fail")


@pytest.mark.gen_test
async def test_an_actor_that_fails_to_start_has_ended_and_taken_nothing() -> None:
    life = Life()
    life.mailbox.offer("waits")
    life.start(FailsToStart)
    ended = await life.until_ended()
    assert isinstance(ended.failure, OSError)
    assert (ended.message, ended.waiting) == (None, 1)
    assert life.seen == [OSError]
    life.start()
    await life.until_seen(OSError, "start", "waits")


@pytest.mark.gen_test
async def test_failing_to_stop_is_a_failure() -> None:
    life = Life()
    life.start(FailsToStop)
    life.mailbox.control(Stop())
    assert str((await life.until_ended()).failure) == "cannot stop"


@pytest.mark.gen_test
async def test_a_failure_while_failing_is_heard_as_well() -> None:
    life = Life()
    life.start(FailsToFail)
    life.mailbox.offer(raising(ValueError("first")))
    assert str((await life.until_ended()).failure) == "cannot even fail"


@pytest.mark.gen_test
async def test_a_message_that_nobody_handles_is_a_failure_that_names_it() -> None:
    mailbox: Mailbox[Any] = Mailbox(max_messages=1, max_control=1)
    exits: list[Exit] = []
    LoopActor(mailbox).run(exits.append, 1)
    mailbox.offer("what?")
    await until(lambda: exits)
    assert str(exits[0].failure) == "LoopActor was told str"
