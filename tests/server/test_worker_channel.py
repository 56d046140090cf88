"""The line between a parent and a worker: questions, answers, silence, and the end of the other side."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from server.worker_channel import LINE_BYTES, ChannelLost, WorkerChannel
from tests.conftest import ExpectedLogs


async def _echo(what: str) -> object:
    return {"you asked": what}


async def _nothing(what: str) -> object:
    await asyncio.Event().wait()
    return what


@asynccontextmanager
async def channel_to(
    answer: Callable[[str], Awaitable[object]],
) -> AsyncIterator[tuple[WorkerChannel, WorkerChannel, list[tuple[str, Any]], asyncio.Event]]:
    """(ours, the other side, what we hear, whether we lost it)."""
    heard: list[tuple[str, Any]] = []
    lost = asyncio.Event()
    ends = [await asyncio.open_connection(sock=end, limit=LINE_BYTES) for end in socket.socketpair()]
    ours = WorkerChannel(*ends[0], answer=_echo, heard=lambda *told: heard.append(told), lost=lost.set)
    other = WorkerChannel(*ends[1], answer=answer, heard=lambda *told: None)
    try:
        yield ours, other, heard, lost
    finally:
        await other.close()
        await ours.close()


@pytest.mark.gen_test
async def test_both_sides_ask_at_the_same_time_and_get_their_own_answers() -> None:
    async with channel_to(_echo) as (ours, other, _, _):
        asked = [side.ask(f"{n}", 2) for n in range(10) for side in (ours, other)]
        assert await asyncio.gather(*asked) == [{"you asked": f"{n}"} for n in range(10) for _ in range(2)]


@pytest.mark.gen_test
async def test_what_is_told_before_the_end_is_heard_and_then_the_end() -> None:
    async with channel_to(_echo) as (_, other, heard, lost):
        other.tell("readings", {"a": 1})
        await other.close()
        async with asyncio.timeout(2):
            await lost.wait()
    assert heard == [("readings", {"a": 1})]


@pytest.mark.gen_test
async def test_an_answer_that_does_not_come_has_a_deadline_and_leaves_nothing_open() -> None:
    async with channel_to(_nothing) as (ours, _, _, _):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await ours.ask("x", 0.01)
        assert ours._open == {}


@pytest.mark.gen_test
async def test_who_waits_for_an_answer_is_told_when_the_other_side_is_gone() -> None:
    async with channel_to(_nothing) as (ours, other, _, _):
        asked = asyncio.ensure_future(ours.ask("x", 5))
        await asyncio.sleep(0)
        await other.close()
        with pytest.raises(ChannelLost):
            await asked
        with pytest.raises(ChannelLost):
            ours.tell("y")


@pytest.mark.gen_test
async def test_questions_without_a_bound_are_refused() -> None:
    async with channel_to(_nothing) as (ours, _, _, _):
        asked = [asyncio.ensure_future(ours.ask("x", 0.2)) for _ in range(33)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(ChannelLost) == 1


@pytest.mark.gen_test
async def test_nothing_piles_up_for_a_side_that_does_not_read() -> None:
    ours, its = socket.socketpair()
    channel = WorkerChannel(*await asyncio.open_connection(sock=ours), answer=_echo, heard=lambda *told: None)
    with its, pytest.raises(ChannelLost, match="does not read"):
        for _ in range(1000):
            channel.tell("x", "y" * 10_000)
    await channel.close()


@pytest.mark.gen_test
async def test_nonsense_ends_the_channel(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("what came over it is no message")
    ours, its = socket.socketpair()
    lost = asyncio.Event()
    streams = await asyncio.open_connection(sock=ours)
    channel = WorkerChannel(*streams, answer=_echo, heard=lambda *told: None, lost=lost.set)
    with its:
        its.send(b"not json\n")
        async with asyncio.timeout(2):
            await lost.wait()
    await channel.close()
