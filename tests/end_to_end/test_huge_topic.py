"""A publish to ten thousand subscribers: what it takes from everybody else who is served by the same loop.

Bounds are in CPU time of this thread, which other programs on the machine cannot lengthen.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from gateways import running_gateway
from sink_sockets import Sink, sinks

from actors.protocol.envelope import TopicName
from actors.topic_requests import Join
from server.app import Gateway

pytestmark = pytest.mark.slow

SUBSCRIBERS = 10_000
AWAY_S = 0.02  # the longest that one slice may keep the loop from a heartbeat, or from another topic


class Absences:
    """Measures for how long, in CPU seconds, the loop was away from a task that is always ready."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.turns = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Absences":
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest_s = max(self.longest_s, now - last)
            self.turns += 1
            last = now


@asynccontextmanager
async def a_huge_and_a_small_topic() -> AsyncIterator[tuple[Gateway, list[Sink], Sink]]:
    """A gateway's own topics; ``huge`` has everybody but the last sink, which is alone in ``small``."""
    with sinks(SUBSCRIBERS) as everybody:
        async with running_gateway() as running:
            *crowd, loner = everybody
            await _join(running.gateway, TopicName("huge"), crowd)
            await _join(running.gateway, TopicName("small"), [loner])
            yield running.gateway, crowd, loner


async def _join(gateway: Gateway, topic: TopicName, members: list[Sink]) -> None:
    mailbox = gateway.directory.mailbox_of(topic)
    assert mailbox is not None
    for sink in members:
        mailbox.control(Join(sink.mailbox, None))
    for sink in members:
        while sink.mailbox.take() is None:  # Joined: its only control message
            await asyncio.sleep(0)


@pytest.mark.gen_test(timeout=60)
async def test_a_fan_out_to_ten_thousand_lets_the_loop_go_on_every_few_milliseconds() -> None:
    async with a_huge_and_a_small_topic() as (gateway, crowd, _):
        async with Absences() as absences:
            before = time.thread_time()
            for n in range(5):
                await gateway.publish("huge", "x", {"n": n, "pad": "x" * 900})
                while not _received(crowd[-1]):
                    await asyncio.sleep(0)
            took_s = (time.thread_time() - before) / 5
        assert absences.longest_s < took_s / 4, "slices are no help: one of them took a quarter of the whole fan-out"
        assert absences.longest_s < AWAY_S, f"away for {absences.longest_s * 1000:.1f} ms of CPU"
        frames = {sink.received() for sink in crowd[:-1]}
        assert len(frames) == 1 and frames.pop().count(b'"n":') == 5


@pytest.mark.gen_test(timeout=60)
async def test_another_topics_message_overtakes_a_huge_fan_out() -> None:
    async with a_huge_and_a_small_topic() as (gateway, crowd, loner):
        await gateway.publish("huge", "x", {"pad": "x" * 900})
        while not _received(crowd[0]):
            await asyncio.sleep(0)
        began = time.thread_time()
        await gateway.publish("small", "x", {})
        while not _received(loner):
            await asyncio.sleep(0)
        delay_s = time.thread_time() - began
        assert not _received(crowd[-1]), "the huge fan-out was over before: this shows nothing"
        assert delay_s < AWAY_S, f"delayed by {delay_s * 1000:.1f} ms of CPU"


@pytest.mark.gen_test(timeout=60)
async def test_a_timer_that_is_due_during_a_huge_fan_out_fires_between_two_slices() -> None:
    async with a_huge_and_a_small_topic() as (gateway, crowd, _):
        fired = asyncio.get_running_loop().create_future()
        await gateway.publish("huge", "x", {"pad": "x" * 900})
        while not _received(crowd[0]):
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.0, lambda: fired.set_result(time.thread_time()))
        began = time.thread_time()
        assert await fired - began < AWAY_S
        assert not _received(crowd[-1])


def _received(sink: Sink) -> bool:
    try:
        return bool(sink.received())
    except BlockingIOError:
        return False
