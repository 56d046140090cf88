"""The loop watchdog: when it speaks (pure), and whom it names (with a loop that is blocked for real)."""

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from loop_turns import until
from recorder import Life, Recorder
from tornado.ioloop import IOLoop

from actors.meter import Meter
from actors.runtime.exit import Exit
from actors.runtime.loop_lag import LagMeter
from actors.runtime.loop_watchdog import LoopWatchdog
from actors.runtime.mailbox import ControlLane
from server.clock import LoopClock

CHECK_S = 0.05
STALL_S = 0.5
BLOCKED_AT_MOST_S = 20.0
STALLED = "the event loop is stalled"
STILL = "the event loop is still stalled"
OVER = "the event loop runs again"


class Heard(logging.Handler):
    """What the watchdog logged, and ways to wait for it: on the loop, and while the loop is blocked."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.records: list[Any] = []
        self.more = asyncio.Event()
        self._loop = loop
        self._more = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._more:
            self.records.append(record)
            self._more.notify_all()
        self._loop.call_soon_threadsafe(self.more.set)

    def of(self, message: str) -> list[Any]:
        return [record for record in self.records if record.getMessage().startswith(message)]

    def block_until(self, message: str, count: int = 1) -> None:
        """Blocks whoever calls it. Raises: AssertionError after BLOCKED_AT_MOST_S."""
        with self._more:
            came = self._more.wait_for(lambda: len(self.of(message)) >= count, BLOCKED_AT_MOST_S)
        assert came, f"blocked the loop for {BLOCKED_AT_MOST_S:g} s, and {message!r} was not logged"


class Looks:
    """A CPU clock that counts how often the watchdog asks for it."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> float:
        self.count += 1
        return time.process_time()

    def block_for(self, count: int) -> None:
        """Blocks whoever calls it for so many more looks."""
        last = self.count + count
        deadline = time.monotonic() + BLOCKED_AT_MOST_S
        while self.count < last:
            assert time.monotonic() < deadline, "the watchdog does not look"
            time.sleep(0.001)


@pytest.fixture
def heard(io_loop: IOLoop, caplog: pytest.LogCaptureFixture, expected_logs: Any) -> Iterator[Heard]:
    for message in (STALLED, STILL):
        expected_logs.allow(message)
    heard = Heard(io_loop.asyncio_loop)  # type: ignore[attr-defined]
    logger = logging.getLogger("fanwire.loop")
    logger.addHandler(heard)
    with caplog.at_level(logging.INFO, "fanwire.loop"):
        yield heard
    logger.removeHandler(heard)


def watchdog_of(**settings: Any) -> LoopWatchdog:
    return LoopWatchdog(**{"stall_s": STALL_S, "repeat_s": 3600.0, "own_code": ("actors", __name__)} | settings)


def watchdog_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "fanwire-loop-watchdog"]


@asynccontextmanager
async def watched_loop(watchdog: LoopWatchdog) -> AsyncIterator[LagMeter]:
    """The running loop has a heart and a watchdog."""
    exits: list[Exit] = []
    lag_meter = LagMeter(ControlLane(max_control=10), LoopClock(), Meter(), watchdog)
    lag_meter.run(exits.append, 1)
    await until(watchdog_threads, "the watchdog's thread")
    try:
        yield lag_meter
    finally:
        lag_meter.end()
        assert watchdog_threads() == []
        assert [end.failure for end in exits] == [None]


async def until_over(heard: Heard, count: int = 1) -> None:
    """Longer than any block of the loop, during which this deadline comes nearer as well."""
    async with asyncio.timeout(2 * BLOCKED_AT_MOST_S):
        while len(heard.of(OVER)) < count:
            heard.more.clear()
            await heard.more.wait()


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_an_actor_that_blocks_in_its_turn_is_named(heard: Heard) -> None:
    life = Life()
    async with watched_loop(watchdog_of()):
        actor = life.start()
        actor.label = "topic thread:42"
        life.mailbox.offer(lambda: heard.block_until(STALLED))
        await until_over(heard)
    [record] = heard.of(STALLED)
    assert (record.levelname, record.actor) == ("WARNING", "topic thread:42")
    assert record.for_s >= STALL_S
    assert f"{__file__}:" in record.where and record.where.endswith("in Heard.block_until")
    assert "threading.py" in record.innermost, "where it blocks, which is not our own code"
    assert "_handle_waiting" in record.stack_info and "block_until" in record.stack_info


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_an_actor_that_blocks_while_a_coroutine_holds_it_is_named(heard: Heard) -> None:
    async def deeper() -> None:
        await asyncio.sleep(0)
        heard.block_until(STALLED)

    async def handler() -> None:
        await deeper()

    life = Life()
    async with watched_loop(watchdog_of()):
        life.start().label = "client 9f3c"
        life.mailbox.offer(handler)
        await until_over(heard)
    [record] = heard.of(STALLED)
    assert record.actor == "client 9f3c"
    assert "in handler" in record.stack_info and "in deeper" in record.stack_info


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_an_actor_that_blocks_in_on_start_is_named(heard: Heard) -> None:
    class Slow(Recorder):
        def on_start(self) -> None:
            heard.block_until(STALLED)

    life = Life()
    async with watched_loop(watchdog_of()):
        actor = life.start(Slow)
        await until_over(heard)
    [record] = heard.of(STALLED)
    assert record.actor == actor.label


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_of_two_actors_on_the_stack_the_inner_one_is_named(heard: Heard) -> None:
    outer, inner = Life(), Life()
    async with watched_loop(watchdog_of()):
        outer.start().label = "outer"
        inner.start().label = "inner"
        await until(lambda: inner.seen and outer.seen)
        outer.mailbox.offer(lambda: inner.mailbox.control_now(lambda: heard.block_until(STALLED)))
        await until_over(heard)
    assert [record.actor for record in heard.of(STALLED)] == ["inner"]


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_where_no_actor_blocks_the_place_is_named(heard: Heard) -> None:
    async with watched_loop(watchdog_of()):
        asyncio.get_running_loop().call_soon(heard.block_until, STALLED)
        await until_over(heard)
    [record] = heard.of(STALLED)
    assert record.actor is None
    assert record.where.endswith("in Heard.block_until")


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_where_nothing_on_the_stack_is_ours_the_innermost_place_is_named(heard: Heard) -> None:
    async with watched_loop(watchdog_of(own_code=("actors", "server"))):
        asyncio.get_running_loop().call_soon(heard.block_until, STALLED)
        await until_over(heard)
    [record] = heard.of(STALLED)
    assert record.where is None
    assert "threading.py" in record.innermost


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_a_c_function_that_keeps_the_interpreters_lock_is_a_stall_too(heard: Heard) -> None:
    def hog() -> None:
        began, count = time.monotonic(), 100_000
        while not heard.records and time.monotonic() < began + BLOCKED_AT_MOST_S:
            call = time.monotonic()
            sum(itertools.repeat(1, count))  # the watchdog's thread cannot run before it returns
            if time.monotonic() - call < STALL_S / 2:
                count *= 2

    life = Life()
    async with watched_loop(watchdog_of()):
        life.start().label = "topic sums"
        life.mailbox.offer(hog)
        await until_over(heard)
    assert [record.actor for record in heard.of(STALLED)] == ["topic sums"]


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_one_stall_is_one_warning_and_one_line_when_it_is_over(heard: Heard) -> None:
    looks = Looks()

    def hog() -> None:
        heard.block_until(STALLED)
        looks.block_for(5)

    async with watched_loop(watchdog_of(cpu_time=looks)):
        asyncio.get_running_loop().call_soon(hog)
        await until_over(heard)
        asyncio.get_running_loop().call_soon(heard.block_until, STALLED, 2)
        await until_over(heard, 2)
    assert [record.levelname for record in heard.records] == ["WARNING", "INFO"] * 2
    warning, end = heard.records[:2]
    assert end.for_s > warning.for_s


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_a_stall_that_goes_on_is_told_again_and_that_it_cannot_be_ended(heard: Heard) -> None:
    async with watched_loop(watchdog_of(repeat_s=0.1)):
        asyncio.get_running_loop().call_soon(heard.block_until, STILL, 3)
        await until_over(heard)
    assert len(heard.of(STALLED)) == 1
    again = heard.of(STILL)
    assert "a stuck thread cannot be killed" in again[0].getMessage()
    for_s = [record.for_s for record in [*heard.of(STALLED), *again][:4]]
    pauses = [later - earlier for earlier, later in itertools.pairwise(for_s)]
    rounding = 0.002
    assert all(pause > least - rounding for pause, least in zip(pauses, [0.1, 0.2, 0.4], strict=True)), pauses


class ClockThatJumps:
    """Real time, until it is told to jump; counts how often it is read."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.ahead_s = 0.0
        self.count = 0
        self._clock = clock

    def __call__(self) -> float:
        self.count += 1
        return self._clock() + self.ahead_s


@pytest.mark.gen_test(timeout=60)
async def test_waking_late_together_with_the_loop_is_no_stall(heard: Heard) -> None:
    now, cpu = ClockThatJumps(time.monotonic), ClockThatJumps(time.process_time)
    watchdog = LoopWatchdog(now, cpu_time=cpu, check_s=0.01, stall_s=30.0)
    watchdog.start()
    await until(lambda: cpu.count > 1)
    now.ahead_s = 100.0
    seen = cpu.count
    await until(lambda: cpu.count > seen + 3, "further looks")
    watchdog.stop()
    assert heard.records == []


@pytest.mark.gen_test(timeout=60)
async def test_waking_late_while_the_process_was_busy_is_one(heard: Heard) -> None:
    now, cpu = ClockThatJumps(time.monotonic), ClockThatJumps(time.process_time)
    watchdog = LoopWatchdog(now, cpu_time=cpu, check_s=0.01, stall_s=30.0)
    watchdog.start()
    await until(lambda: cpu.count > 1)
    cpu.ahead_s = now.ahead_s = 100.0
    await until(lambda: heard.of(STALLED), "the warning")
    watchdog.stop()
    assert [record.for_s >= 100.0 for record in heard.records] == [True]


@pytest.mark.gen_test
async def test_the_thread_ends_when_it_is_told_to() -> None:
    watchdog = watchdog_of()
    watchdog.stop()
    watchdog = watchdog_of()
    watchdog.start()
    assert [thread.daemon for thread in watchdog_threads()] == [True]
    watchdog.stop()
    watchdog.stop()
    assert watchdog_threads() == []


def test_the_thread_ends_with_a_loop_that_was_closed_over_it() -> None:
    async def start_and_forget() -> None:
        watchdog_of(check_s=0.01).start()

    asyncio.run(start_and_forget())
    for thread in watchdog_threads():
        thread.join(BLOCKED_AT_MOST_S)
    assert watchdog_threads() == []


def test_a_loop_that_nobody_runs_is_not_stalled(heard: Heard) -> None:
    looks = Looks()
    loop = asyncio.new_event_loop()
    watchdog = LoopWatchdog(cpu_time=looks, check_s=0.001, stall_s=0.02)

    async def start() -> None:
        watchdog.start()

    loop.run_until_complete(start())
    looks.block_for(2)  # what began while it ran is through, and on a busy machine may have been told
    heard.records.clear()
    looks.block_for(50)
    watchdog.stop()
    loop.close()
    assert heard.of(STALLED) == []


@pytest.mark.gen_test
async def test_the_next_beat_raises_what_has_ended_the_thread() -> None:
    def broken_clock() -> float:
        raise OSError("no clock")

    watchdog = watchdog_of(cpu_time=broken_clock)
    watchdog.start()
    await until(lambda: not watchdog_threads(), "the end of the thread")
    with pytest.raises(RuntimeError, match="thread has failed") as failure:
        watchdog.beat(time.monotonic())
    assert isinstance(failure.value.__cause__, OSError)
    watchdog.stop()


@pytest.mark.gen_test(timeout=60)
async def test_a_thread_that_does_not_end_is_abandoned_and_reported(
    expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_logs.allow("does not end and is abandoned")
    monkeypatch.setattr("actors.runtime.loop_watchdog.JOIN_S", 0.01)
    gate, stuck = threading.Event(), threading.Event()

    def stuck_clock() -> float:
        stuck.set()
        gate.wait(BLOCKED_AT_MOST_S)
        return 0.0

    watchdog = watchdog_of(cpu_time=stuck_clock)
    watchdog.start()
    assert stuck.wait(BLOCKED_AT_MOST_S)
    watchdog.stop()
    [thread] = watchdog_threads()
    gate.set()
    thread.join(BLOCKED_AT_MOST_S)
    assert not thread.is_alive()
