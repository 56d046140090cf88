"""The real clock: wall time, time that only grows, and timers of the loop that runs."""

import asyncio
import time

import pytest

from server.clock import LoopClock


def test_time_is_unix_time_and_monotonic_only_grows() -> None:
    clock = LoopClock()
    assert abs(clock.time() - time.time()) < 1
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.gen_test
async def test_a_timer_calls_back_in_its_time_unless_it_is_cancelled() -> None:
    clock, called = LoopClock(), asyncio.Event()
    cancelled = clock.call_later(0.0, lambda: pytest.fail("a cancelled timer called back"))
    cancelled.cancel()
    began = clock.monotonic()
    clock.call_later(0.02, called.set)
    async with asyncio.timeout(2):
        await called.wait()
    assert clock.monotonic() - began >= 0.019
