"""The parent's end of the load generator: starts it, reads its lines, lets it go on. Owns that child.

The lines are described in ``bench/load.py``.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.closed_loop import LoopResult
from bench.cpu import pin
from bench.dialects import ENVELOPES, Dialect
from bench.dialogue import counter_offset
from bench.native import build
from bench.processes import stop

__all__ = ["Generator", "GeneratorFailed", "build_generator", "run_generator", "start_generator"]

_ROOT = Path(__file__).parent.parent


class GeneratorFailed(Exception):
    """The load generator ended or fell silent; ``reason`` is what it said last."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason.strip() or "the load generator ended without a word"


class Generator:
    """One load generator with its connections to one server."""

    def __init__(self, child: subprocess.Popen[str], step_s: float) -> None:
        self._child = child
        self._step_s = step_s

    def expect(self, word: str) -> str:
        """Wait for the line that begins with ``word``; returns what follows it.

        Raises: GeneratorFailed when another line, none in time, or the end of the process comes.
        """
        line = self._read_line()
        if not line.startswith(word):
            assert self._child.stderr is not None
            said = f"{line!r} where {word!r} was due" if line else self._child.stderr.read()
            raise GeneratorFailed(said or f"no {word!r} within {self._step_s:g} s")
        return line[len(word) :].strip()

    def _read_line(self) -> str:
        # A buffered pipe cannot be polled for its next line, so a late child is killed, which ends the read.
        assert self._child.stdout is not None
        watchdog = threading.Timer(self._step_s, self._child.kill)
        watchdog.start()
        try:
            return self._child.stdout.readline()
        finally:
            watchdog.cancel()

    def tell(self, line: str) -> None:
        """Send one line, ``go`` or ``run …``."""
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def result(self) -> LoopResult:
        """What the window that just ended gave."""
        return LoopResult(**json.loads(self.expect("result")))


@contextmanager
def run_generator(
    port: int,
    subscribers: int,
    publish: str,
    core: int,
    step_s: float,
    program: Path | None,
    dialect: Dialect = ENVELOPES,
) -> Iterator[Generator]:
    """Start a closed-loop load generator pinned to ``core``; each of its steps may take ``step_s`` seconds.

    ``publish`` is the envelope that it wraps as ``dialect`` has it. ``program`` is the C generator, or None for the
    Python one. The child is stopped when the block ends.
    """
    with start_generator(
        _command(port, subscribers, dialect.wrap(publish), program, dialect), core, step_s
    ) as generator:
        yield generator


@contextmanager
def start_generator(command: list[str], core: int, step_s: float) -> Iterator[Generator]:
    """Start any program that speaks in such lines, pinned to ``core``; it is stopped when the block ends."""
    child = subprocess.Popen(
        command,
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",  # what it complains of may be a binary frame
        bufsize=1,
    )
    try:
        pin(child.pid, core)
        yield Generator(child, step_s)
    finally:
        stop(child)
        for pipe in (child.stdin, child.stdout, child.stderr):
            assert pipe is not None
            pipe.close()


def build_generator() -> Path | None:
    """The C load generator, or None where there is no compiler and the Python one has to do."""
    return build("load")


def _command(port: int, subscribers: int, publish: str, program: Path | None, dialect: Dialect) -> list[str]:
    arguments = [str(port), str(subscribers), publish]
    if program is None:
        return [sys.executable, "-m", "bench.load", *arguments, dialect.name]
    said = [dialect.subscriber_handshake(port), dialect.subscribe, dialect.publisher_handshake(port), dialect.greeting]
    return [str(program), *arguments, str(counter_offset(publish)), *said]
