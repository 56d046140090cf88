"""The parent process with small workers: starts, restarts, gives up, replaces, sums up and ends them."""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from server.testing.child_process import ChildProcess

pytestmark = pytest.mark.slow

SUPPORT = Path(__file__).parents[1] / "support"
ENV = {"PYTHONPATH": str(SUPPORT.parents[1])}


class Family(ChildProcess):
    """A parent and its workers, whose mode is in the file ``mode``; what all of them print is one log."""

    def __init__(self, folder: Path, mode: str = "good", *, program: list[str] | None = None, **plan: Any) -> None:
        self.mode = folder / "mode"
        self.mode.write_text(mode)
        program = program or [sys.executable, str(SUPPORT / "small_worker.py"), str(self.mode)]
        defaults = {"count": 2, "program": program, "port": 1, "kill_after_s": 5.0}
        argv = [sys.executable, str(SUPPORT / "parent_program.py"), json.dumps({**defaults, **plan})]
        super().__init__(argv, env=ENV, stop_timeout_s=10.0)

    def said(self, what: str) -> list[list[str]]:
        """(pid, *words) of every line so far that a worker said with this word."""
        found = (re.search(rf"^worker (\d+) {what} ?(.*)$", line) for line in self.log.splitlines())
        return [[match[1], *match[2].split(" ", 1)] for match in found if match]

    async def until_said(self, what: str, times: int) -> list[list[str]]:
        async with asyncio.timeout(15), self._logged:
            await self._logged.wait_for(lambda: len(self.said(what)) >= times or self._log_ended)
        assert len(self.said(what)) >= times, self.log
        return self.said(what)

    def pid_of(self, number: int) -> int:
        """The newest worker in that place."""
        return [int(pid) for pid, place, _ in self._started() if place == number][-1]

    def _started(self) -> list[tuple[str, int, str]]:
        return [(pid, int(words.split()[0]), mode) for pid, words, mode in self.said("started")]

    async def report(self) -> tuple[dict[str, str], dict[str, Any]]:
        """What the parent tells worker 1 of the states and readings of all."""
        before = len(self.said("readings"))
        os.kill(self.pid_of(1), signal.SIGUSR1)
        await self.until_said("readings", before + 1)
        (states, readings) = (line[1:] for line in (self.said("states")[-1], self.said("readings")[-1]))
        return json.loads(" ".join(states)), json.loads(" ".join(readings))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_to_the_parent_ends_every_worker_in_order_and_then_itself(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with Family(tmp_path, count=3) as family:
        await family.wait_for_log("all serving")
        family.send_signal(number)
        assert await family.wait() == 0
        assert len(family.said("ended")) == 3
        assert "Traceback" not in family.log


@pytest.mark.gen_test(timeout=30)
async def test_a_worker_that_dies_is_started_again_in_its_place_and_the_others_stay(tmp_path: Path) -> None:
    async with Family(tmp_path) as family:
        await family.wait_for_log("all serving")
        one, other = family.pid_of(1), family.pid_of(2)
        os.kill(one, signal.SIGKILL)
        await family.until_said("serving", 3)
        assert family.pid_of(1) != one
        assert _is_alive(other) and family.pid_of(2) == other
        assert "a worker ended" in family.log


@pytest.mark.gen_test(timeout=30)
async def test_workers_that_die_again_and_again_are_given_up_with_70(tmp_path: Path) -> None:
    async with Family(tmp_path, intensity=[4, 60.0], backoff=[0.01, 0.05]) as family:
        await family.wait_for_log("all serving")
        family.mode.write_text("dies")
        os.kill(family.pid_of(1), signal.SIGKILL)
        assert await family.wait() == 70
        # The first death, and those of the four that were started in its place.
        assert len([mode for _, _, mode in family._started() if mode == "dies"]) == 4
        assert len(family.said("ended")) == 1, "the other one drains"
        assert "the gateway gives up" in family.log


@pytest.mark.gen_test(timeout=30)
async def test_a_first_worker_that_says_that_no_other_would_fare_better_ends_it_all_with_its_code(
    tmp_path: Path,
) -> None:
    async with Family(tmp_path, "hopeless", hopeless=[3]) as family:
        assert await family.wait() == 3
        assert len(family.said("started")) <= 2


@pytest.mark.gen_test(timeout=30)
async def test_a_program_that_is_not_there_is_given_up_too(tmp_path: Path) -> None:
    plan: dict[str, Any] = {"intensity": [2, 60.0], "backoff": [0.01, 0.05]}
    async with Family(tmp_path, program=["/nonexistent/worker"], **plan) as family:
        assert await family.wait() == 70
        assert "a worker could not be started" in family.log
        assert "Traceback" not in family.log


@pytest.mark.gen_test(timeout=30)
async def test_a_worker_that_never_accepts_is_killed_and_started_again(tmp_path: Path) -> None:
    async with Family(tmp_path, "slow", count=1, start_s=1.0) as family:
        await family.until_said("started", 1)
        family.mode.write_text("good")
        await family.wait_for_log("all serving")
        assert "it did not start in time" in family.log


@pytest.mark.gen_test(timeout=30)
async def test_a_worker_that_does_not_drain_is_killed_and_the_exit_code_says_so(tmp_path: Path) -> None:
    async with Family(tmp_path, "deaf", count=1, kill_after_s=0.5) as family:
        await family.wait_for_log("all serving")
        family.send_signal(signal.SIGTERM)
        assert await family.wait() == 71
        assert "it did not end in time" in family.log


@pytest.mark.gen_test(timeout=30)
async def test_a_hangup_replaces_one_after_the_other_each_before_its_predecessor_goes(tmp_path: Path) -> None:
    async with Family(tmp_path) as family:
        await family.wait_for_log("all serving")
        family.send_signal(signal.SIGHUP)
        await family.wait_for_log("all workers were replaced")
        order = re.findall(r"^worker \d+ (serving|ended) (\d)", family.log, re.MULTILINE)
        first, then = order[:2], order[2:]
        assert {what for what, _ in first} == {"serving"}
        assert then == [("serving", "1"), ("ended", "1"), ("serving", "2"), ("ended", "2")]
        family.send_signal(signal.SIGTERM)
        assert await family.wait() == 0


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("bad", ["dies", "slow", "unready", "silent"])
async def test_a_release_that_does_not_become_ready_replaces_nobody(bad: str, tmp_path: Path) -> None:
    async with Family(tmp_path, start_s=2.0) as family:
        await family.wait_for_log("all serving")
        old = [family.pid_of(1), family.pid_of(2)]
        family.mode.write_text(bad)
        family.send_signal(signal.SIGHUP)
        await family.wait_for_log("the old ones stay")
        assert all(map(_is_alive, old))
        assert not [words for words in family.said("ended") if int(words[0]) in old]
        family.mode.write_text("good")
        family.send_signal(signal.SIGHUP)
        await family.wait_for_log("all workers were replaced")


@pytest.mark.gen_test(timeout=30)
async def test_workers_whose_parent_is_killed_end_by_themselves(tmp_path: Path) -> None:
    async with Family(tmp_path) as family:
        await family.wait_for_log("all serving")
        os.kill(family.pid, signal.SIGKILL)
        await family.until_said("ended", 2)


@pytest.mark.gen_test(timeout=30)
async def test_every_worker_can_tell_how_all_are(tmp_path: Path) -> None:
    async with Family(tmp_path) as family:
        await family.wait_for_log("all serving")
        states, readings = await family.report()
        assert states == {"1": "ready", "2": "ready"}
        assert readings == {"connected": 20, "open": 8, "restarts": 0, "answered": {"1": True, "2": True}}


@pytest.mark.gen_test(timeout=30)
async def test_sums_never_fall_when_a_worker_dies(tmp_path: Path) -> None:
    async with Family(tmp_path) as family:
        await family.wait_for_log("all serving")
        await family.report()
        os.kill(family.pid_of(2), signal.SIGKILL)
        await family.until_said("serving", 3)
        _, readings = await family.report()
        # 10 of each that lives, and what the dead one had said before.
        assert (readings["connected"], readings["open"], readings["restarts"]) == (30, 8, 1)


@pytest.mark.gen_test(timeout=30)
async def test_a_worker_that_ends_in_order_leaves_its_last_readings(tmp_path: Path) -> None:
    async with Family(tmp_path) as family:
        await family.wait_for_log("all serving")
        family.send_signal(signal.SIGHUP)
        await family.wait_for_log("all workers were replaced")
        _, readings = await family.report()
        assert readings["connected"] == 10 + 10 + 11 + 11


@pytest.mark.gen_test(timeout=30)
async def test_a_worker_that_stands_still_is_silent_and_what_it_had_counted_still_counts(tmp_path: Path) -> None:
    async with Family(tmp_path) as family:
        await family.wait_for_log("all serving")
        await family.report()
        os.kill(family.pid_of(2), signal.SIGSTOP)
        states, readings = await family.report()
        os.kill(family.pid_of(2), signal.SIGCONT)
        assert states == {"1": "ready", "2": "silent"}
        assert readings == {"connected": 20, "open": 4, "restarts": 0, "answered": {"1": True, "2": False}}
