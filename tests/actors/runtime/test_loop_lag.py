"""The lag meter: what it observes, and that its watchdog lives as long as it does."""

import threading
from typing import Any

import pytest
from loop_turns import turns, until

from actors.histogram import Histogram
from actors.meter import Meter
from actors.metrics import LOOP_LAG
from actors.runtime.exit import Exit
from actors.runtime.loop_lag import PERIOD_S, LagMeter
from actors.runtime.loop_watchdog import LoopWatchdog
from actors.runtime.mailbox import ControlLane
from server.clock import LoopClock
from server.testing.manual_clock import ManualClock


class Measured:
    """A lag meter, what it counts in, and the time that it goes by."""

    def __init__(self, watchdog: LoopWatchdog | None = None, clock: Any = None) -> None:
        self.clock = clock or ManualClock()
        self.meter = Meter()
        self.mailbox = ControlLane(max_control=10)
        self.watchdog = watchdog or LoopWatchdog(stall_s=3600.0)
        self.exits: list[Exit] = []
        self.actor = LagMeter(self.mailbox, self.clock, self.meter, self.watchdog)
        self.actor.run(self.exits.append, 1)

    @property
    def lag(self) -> Histogram:
        return self.meter.histograms(LOOP_LAG)[""]

    async def let_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await turns()

    async def until_ended(self) -> BaseException | None:
        await until(lambda: self.exits, "the end of the lag meter")
        assert watchdog_threads() == []
        return self.exits[0].failure


def watchdog_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "fanwire-loop-watchdog"]


@pytest.mark.gen_test
async def test_a_loop_that_is_on_time_has_no_lag_ten_times_a_second() -> None:
    measured = Measured()
    await turns()
    for _ in range(10):
        await measured.let_pass(PERIOD_S)
    measured.actor.stop()
    await measured.until_ended()
    assert measured.lag.count == 10
    assert measured.lag.total_s == pytest.approx(0.0, abs=1e-6)


@pytest.mark.gen_test
async def test_one_stall_is_one_observation_of_all_its_length() -> None:
    measured = Measured()
    await turns()
    await measured.let_pass(PERIOD_S)
    await measured.let_pass(PERIOD_S + 3.0)
    await measured.let_pass(PERIOD_S)
    measured.actor.stop()
    await measured.until_ended()
    assert measured.lag.count == 3
    assert measured.lag.total_s == pytest.approx(3.0)


@pytest.mark.gen_test
async def test_the_next_tick_is_due_a_period_after_the_late_one() -> None:
    measured = Measured()
    await turns()
    await measured.let_pass(PERIOD_S + 3.0)
    assert measured.clock.waiting == [pytest.approx(PERIOD_S)]
    measured.actor.stop()
    await measured.until_ended()
    assert measured.clock.waiting == []


@pytest.mark.gen_test(timeout=60)
async def test_on_the_real_clock_it_goes_on_measuring() -> None:
    measured = Measured(clock=LoopClock())
    await until(lambda: measured.lag.count >= 2, "two ticks")
    measured.actor.stop()
    assert await measured.until_ended() is None


@pytest.mark.gen_test
async def test_the_watchdogs_thread_ends_with_an_actor_that_fails() -> None:
    measured = Measured()
    await until(watchdog_threads, "the watchdog's thread")
    measured.mailbox.control("what is this?")
    assert str(await measured.until_ended()) == "LagMeter was told str"


@pytest.mark.gen_test(timeout=60)
async def test_a_watchdog_that_has_failed_ends_its_actor_which_is_then_restarted() -> None:
    def broken_clock() -> float:
        raise OSError("no clock")

    measured = Measured(LoopWatchdog(cpu_time=broken_clock))
    await turns()
    await until(lambda: not watchdog_threads(), "the end of the thread")
    await measured.let_pass(PERIOD_S)
    assert isinstance(await measured.until_ended(), RuntimeError)
