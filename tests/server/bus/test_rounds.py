"""Rounds through what is followed, with a look that does as the test says."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from bus_contract import Inbox
from loop_turns import turns, until

from actors.ports import BusUnavailable
from actors.protocol.envelope import Seq, TopicName
from server.bus.followed import FollowedTopic, Stored
from server.bus.rounds import AT_ONCE, rounds


class NoStore:
    """Nobody reads here."""

    async def subscribe(self, topic: TopicName) -> None:
        raise NotImplementedError

    async def read(self, topic: TopicName, after: Seq, limit: int) -> Stored:
        raise NotImplementedError


def topics(count: int) -> list[FollowedTopic]:
    return [FollowedTopic(TopicName(str(number)), NoStore(), Inbox(), lambda: None) for number in range(count)]


class Looks:
    """Keeps how many topics each look was given; fails while ``refusal`` is set."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.seen: list[str] = []
        self.refusal: BusUnavailable | None = None

    async def __call__(self, some: Sequence[FollowedTopic]) -> None:
        self.sizes.append(len(some))
        self.seen += [followed.topic for followed in some]
        if self.refusal is not None:
            raise self.refusal


@asynccontextmanager
async def going_round(every_s: float, everything: Callable[[], Sequence[FollowedTopic]]) -> AsyncIterator[Looks]:
    looks = Looks()
    task = asyncio.ensure_future(rounds(every_s, everything, looks))
    try:
        yield looks
        assert not task.done()
    finally:
        task.cancel()


@pytest.mark.gen_test
async def test_everything_is_looked_at_in_portions_and_again_in_the_next_round() -> None:
    followed = topics(2 * AT_ONCE + 1)
    async with going_round(0.0, lambda: followed) as looks:
        await until(lambda: len(looks.sizes) >= 6, "two rounds")
    assert looks.sizes[:6] == [AT_ONCE, AT_ONCE, 1] * 2
    names = [one.topic for one in followed]
    assert looks.seen[: 2 * len(names)] == names * 2


@pytest.mark.gen_test
async def test_the_first_round_comes_after_the_first_pause() -> None:
    followed = topics(1)
    async with going_round(1_000.0, lambda: followed) as looks:
        await turns()
        assert looks.sizes == []


@pytest.mark.gen_test
async def test_a_refusal_ends_its_round_and_not_those_that_follow(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fanwire.bus")
    followed = topics(2 * AT_ONCE)
    async with going_round(0.0, lambda: followed) as looks:
        looks.refusal = BusUnavailable("bus: is gone", 1)
        await until(lambda: len(looks.sizes) >= 3, "three rounds")
        assert set(looks.seen) == {one.topic for one in followed[:AT_ONCE]}
        assert "ended early: bus: is gone" in caplog.text
        looks.refusal = None
        await until(lambda: looks.seen[-1] == followed[-1].topic, "a whole round")


@pytest.mark.gen_test
async def test_what_is_followed_later_is_in_the_next_round() -> None:
    followed = topics(1)
    async with going_round(0.0, lambda: list(followed)) as looks:
        await until(lambda: looks.sizes, "a round")
        followed += topics(2)[1:]
        await until(lambda: looks.sizes[-1] == 2, "a round with both")
