"""Does the suite flake? Runs the end-to-end core again and again on a busy machine: ``python -m tools.repeat_tests``.

Each run has an order of its own, from a seed that is printed, while one busy process per core competes with it. The
first failure ends it all: with the seed, the whole log, and the command that makes that run again.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CORE", "ROOT", "Outcome", "command", "main", "repeat"]

ROOT = Path(__file__).parents[1]
EVENT_SOURCE = "tests/end_to_end/test_event_source.py"
CORE = (
    "tests/end_to_end/test_thread_messages.py",
    "tests/end_to_end/test_tokens.py",
    "tests/end_to_end/test_resume.py",
    "tests/end_to_end/test_overflow_policies.py",
    "tests/end_to_end/test_two_workers.py",
    # Of three, the one that comes back: each starts a Chromium, which is most of what a run costs.
    f"{EVENT_SOURCE}::test_a_browser_whose_connection_is_cut_comes_back_and_misses_nothing",
    "tests/server/testing",
)
# One run takes seconds: whatever is not over by then hangs.
RUN_S = 300.0
SEEDS = 1_000_000
# Ends by itself when whoever started it was killed and could not end it.
_BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(1_000_000))"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run: ``log`` is all that pytest said, ``took_s`` how long it took in seconds."""

    seed: int
    passed: bool
    log: str
    took_s: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where every run passed, 1 at the first that did not."""
    told = _parser().parse_args(arguments)
    tests = told.tests or list(CORE)
    began = time.monotonic()
    with _busy_cores(told.busy):
        for number, outcome in enumerate(repeat(tests, told.runs, told.seed), 1):
            _say(f"run {number} of {told.runs}, seed {outcome.seed}: {_last_line(outcome.log)}")
            if not outcome.passed:
                _say(outcome.log)
                _say(f"FAILED. Once more, the same order: {' '.join(command(tests, outcome.seed))}")
                return 1
    _say(f"{told.runs} runs, no failure, {told.busy} busy processes, {time.monotonic() - began:.0f} s")
    return 0


def repeat(tests: Sequence[str], runs: int, first_seed: int | None) -> Iterator[Outcome]:
    """So many runs; the seeds count up from ``first_seed``, or are chance where that is None."""
    chance = random.SystemRandom()
    for number in range(runs):
        yield _one_run(tests, chance.randrange(SEEDS) if first_seed is None else first_seed + number)


def command(tests: Sequence[str], seed: int) -> list[str]:
    """What runs ``tests`` in the order of ``seed``."""
    ours = ["-c", "setup.cfg", "-p", "random_order", "--order-seed", str(seed)]  # wherever the tests are
    return [sys.executable, "-m", "pytest", "-q", *ours, *tests]


def _one_run(tests: Sequence[str], seed: int) -> Outcome:
    began = time.monotonic()
    try:
        done = subprocess.run(  # noqa: S603 - our own pytest
            command(tests, seed),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_S,
        )
    except subprocess.TimeoutExpired as hung:
        said = hung.stdout.decode(errors="replace") if isinstance(hung.stdout, bytes) else ""
        return Outcome(seed, False, f"{said}\nstill running after {RUN_S:g} s", time.monotonic() - began)
    return Outcome(seed, done.returncode == 0, done.stdout, time.monotonic() - began)


@contextmanager
def _busy_cores(count: int) -> Iterator[None]:
    """So many processes that compute and nothing else, ended with the context."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]  # noqa: S603 - our own loop
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.repeat_tests", description="Run tests until one fails.")
    parser.add_argument("tests", nargs="*", metavar="TEST", help="files or test ids (default: the end-to-end core)")
    parser.add_argument("--runs", type=int, default=200, metavar="N", help="how often (default: 200)")
    parser.add_argument("--seed", type=int, metavar="S", help="seeds S, S+1, … (default: chance)")
    parser.add_argument(
        "--busy", type=int, default=os.cpu_count() or 1, metavar="N", help="busy processes (default: one per core)"
    )
    return parser


def _last_line(log: str) -> str:
    return log.rstrip().rsplit("\n", 1)[-1]


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its output is its purpose


if __name__ == "__main__":
    sys.exit(main())
