"""Asking a bus: answers in time, none, and nobody to ask."""

import asyncio
from typing import Any

import pytest
from loop_turns import until

from actors.ports import BusUnavailable
from server.bus.answers import Answers
from server.bus.life import Life, LineLost

WITHIN_S = 0.02


class FakeConnections:
    """Open at once; ``lost`` has why they were given up."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        pass

    async def until_lost(self) -> str:
        return await asyncio.shield(self.lost)

    def lose(self, why: str) -> None:
        self.lost.set_result(why)

    async def close(self, why: str) -> None:
        pass


def not_begun() -> Life[FakeConnections]:
    return Life(FakeConnections, lambda connections: None, 1_000.0)


async def connected() -> tuple[Life[FakeConnections], FakeConnections]:
    life = not_begun()
    life.begin()
    await until(lambda: life.connections is not None, "connections")
    assert life.connections is not None
    return life, life.connections


def answer_of(outcome: object) -> "asyncio.Future[Any]":
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
    return answer


@pytest.mark.gen_test
async def test_without_connections_who_asks_is_told_why() -> None:
    with pytest.raises(BusUnavailable, match=r"the store is not reached \(not connected yet\)"):
        Answers("the store", not_begun(), WITHIN_S).there()


@pytest.mark.gen_test
async def test_an_answer_and_a_refusal_are_passed_on() -> None:
    life, connections = await connected()
    answers = Answers("the store", life, WITHIN_S)
    assert answers.there() is connections
    assert await answers.of(answer_of(7)) == 7
    with pytest.raises(ZeroDivisionError):
        await answers.of(answer_of(ZeroDivisionError()))
    assert not connections.lost.done()
    life.end()


@pytest.mark.gen_test
async def test_no_answer_in_time_is_the_end_of_these_connections(expected_logs: Any) -> None:
    expected_logs.allow("the bus is gone: no answer in 0.02 s")
    life, connections = await connected()
    answers = Answers("the store", life, WITHIN_S)
    with pytest.raises(BusUnavailable, match=r"the store is not reached \(no answer in 0.02 s\)"):
        await answers.of(asyncio.get_running_loop().create_future())
    assert connections.lost.result() == "no answer in 0.02 s"
    await until(lambda: life.connections is not connections, "the loss")
    life.end()


@pytest.mark.gen_test
async def test_an_answer_that_got_lost_with_its_line_is_a_bus_that_is_not_reached() -> None:
    life, connections = await connected()
    with pytest.raises(BusUnavailable, match=r"the store is not reached \(reset\)"):
        await Answers("the store", life, WITHIN_S).of(answer_of(LineLost("reset")))
    assert not connections.lost.done(), "whoever lost it says so"
    life.end()
