"""Pykka's own references work on a LoopActor: tell, ask, proxy and stop."""

from typing import Any

import pykka
import pytest
from recorder import Life, raising

from actors.runtime.exit import Stop
from actors.runtime.loop_future import LoopFuture


@pytest.mark.gen_test
async def test_loop_actors_are_not_in_pykkas_registry() -> None:
    life = Life()
    actor = life.start()
    await life.until_seen("start")
    assert actor.actor_ref not in pykka.ActorRegistry.get_all()


@pytest.mark.gen_test
async def test_pykkas_tell_reaches_on_receive() -> None:
    life = Life()
    actor = life.start()
    actor.actor_ref.tell("told")
    await life.until_seen("start", "told")


@pytest.mark.gen_test
async def test_pykkas_ask_is_answered_with_what_on_receive_returns() -> None:
    life = Life()
    ref = life.start().actor_ref
    future = ref.ask(lambda: 42, block=False)
    assert isinstance(future, LoopFuture)
    assert await future == 42
    assert future.get() == 42


@pytest.mark.gen_test
async def test_a_failure_goes_to_whoever_asked_and_the_actor_lives_on() -> None:
    life = Life()
    ref = life.start().actor_ref
    with pytest.raises(LookupError):
        await ref.ask(raising(LookupError("x")), block=False)
    assert ref.is_alive()
    assert await ref.ask(lambda: "alive", block=False) == "alive"


@pytest.mark.gen_test
async def test_a_failure_that_nobody_asked_for_ends_the_incarnation() -> None:
    life = Life()
    life.start().actor_ref.tell(raising(LookupError("x")))
    assert isinstance((await life.until_ended()).failure, LookupError)


@pytest.mark.gen_test
async def test_pykkas_proxy_calls_methods_and_reads_attributes() -> None:
    life = Life()
    actor = life.start()
    proxy: Any = actor.actor_ref.proxy()
    assert await proxy.double(21) == 42
    assert await proxy.colour == "red"
    with pytest.raises(LookupError):
        await proxy.fail()


@pytest.mark.gen_test
async def test_pykkas_stop_ends_the_actor_in_order() -> None:
    life = Life()
    ref = life.start().actor_ref
    ref.stop(block=False)
    assert (await life.until_ended()).failure is None
    assert not ref.is_alive()
    assert life.seen == ["start", "stop"]


@pytest.mark.gen_test
async def test_a_dead_actor_says_so_to_pykkas_tell_and_ask() -> None:
    life = Life()
    ref = life.start().actor_ref
    life.mailbox.control(Stop())
    await life.until_ended()
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("x")
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("x", block=False)


@pytest.mark.gen_test
async def test_a_blocking_get_on_the_loop_says_what_to_do_instead() -> None:
    life = Life()
    ref = life.start().actor_ref
    with pytest.raises(RuntimeError, match="await this future"):
        ref.ask("x")
