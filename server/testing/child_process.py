"""Child processes of tests: started, waited for with a deadline, stopped by pid, their log shown on failure.

``ChildProcess`` owns one process, the task that reads its log, and the last lines of that log.
"""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

__all__ = ["ChildProcess", "ProcessError"]

LOG_LINES = 2_000
LINE_BYTES = 4 * 1024 * 1024
LAST_LINES_S = 1.0  # for what a process that has ended wrote last


class ProcessError(Exception):
    """A child process did not do what the test waited for; carries the command and its log."""

    def __init__(self, argv: Sequence[str], why: str, log: str) -> None:
        super().__init__(argv, why, log)
        self.argv = tuple(argv)
        self.why = why
        self.log = log

    def __str__(self) -> str:
        return f"{' '.join(self.argv)}: {self.why}. Its log:\n{self.log or '(empty)'}"


class ChildProcess:
    """One process in a group of its own; its log is stderr, and stdout too unless ``talks`` is set.

    With ``talks``, stdin and stdout stay free for a conversation (``write_line``, ``read_line``).
    ``env`` is added to this process's environment. Leaving the context stops the process and its group.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        talks: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        stop_timeout_s: float = 10.0,
    ) -> None:
        self.argv = tuple(argv)
        self._talks = talks
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self._cwd = cwd
        self._stop_timeout_s = stop_timeout_s
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._logged = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None
        self._log_task: asyncio.Task[None] | None = None
        self._log_ended = False

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        """None while the process runs; negative when a signal ended it."""
        return self._running().returncode

    @property
    def log(self) -> str:
        """The last lines that the process wrote to its log."""
        return "\n".join(self._lines)

    async def start(self) -> None:
        """Start the process; returns as soon as it exists. Raises: OSError when the program is missing."""
        pipe, log = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
        self._process = await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=pipe if self._talks else asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe if self._talks else log,
            env=self._env,
            cwd=self._cwd,
            limit=LINE_BYTES,
            start_new_session=True,
        )
        stream = self._process.stderr if self._talks else self._process.stdout
        assert stream is not None
        self._log_task = asyncio.create_task(self._read_log(stream))

    async def wait_for_log(self, part: str, *, timeout_s: float = 10.0) -> str:
        """The first log line that contains ``part``, written already or yet to come.

        Raises: ProcessError when the process ends or ``timeout_s`` passes before.
        """
        try:
            async with asyncio.timeout(timeout_s), self._logged:
                while (line := self._line_with(part)) is None:
                    if self._log_ended:
                        raise self.failure(f"ended without a log line containing {part!r}")
                    await self._logged.wait()
                return line
        except TimeoutError:
            raise self.failure(f"no log line containing {part!r} within {timeout_s} s") from None

    async def wait(self, *, timeout_s: float = 10.0) -> int:
        """The exit status, once the process ended by itself. Raises: ProcessError after ``timeout_s``.

        Its log is whole then, unless a child of its own still holds it open.
        """
        try:
            status = await asyncio.wait_for(self._running().wait(), timeout_s)
        except TimeoutError:
            raise self.failure(f"still running after {timeout_s} s") from None
        if self._log_task is not None:
            await asyncio.wait({self._log_task}, timeout=LAST_LINES_S)
        return status

    async def write_line(self, line: str) -> None:
        """Say one line to the process's stdin."""
        stdin = self._running().stdin
        assert stdin is not None, "needs talks=True"
        try:
            stdin.write(line.encode() + b"\n")
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise self.failure(f"ended before it could be told {line[:200]!r}") from None

    async def read_line(self, *, timeout_s: float = 10.0) -> str:
        """The next line of stdout. Raises: ProcessError at its end or after ``timeout_s``."""
        stdout = self._running().stdout
        assert stdout is not None and self._talks, "needs talks=True"
        try:
            line = await asyncio.wait_for(stdout.readline(), timeout_s)
        except TimeoutError:
            raise self.failure(f"said nothing within {timeout_s} s") from None
        if not line:
            await self.wait()
            raise self.failure("ended while the test waited for its next line")
        return line.decode().rstrip("\n")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to this process only, not to its children."""
        os.kill(self.pid, number)

    async def stop(self) -> int:
        """Close stdin of a process that talks, SIGTERM any other; returns the exit status.

        After ``stop_timeout_s`` the whole group is killed; children that outlive the process are always.
        """
        process = self._running()
        self._ask_to_end(process)
        try:
            await asyncio.wait_for(process.wait(), self._stop_timeout_s)
        except TimeoutError:
            self._lines.append(f"(killed by the test: still running after {self._stop_timeout_s} s)")
        await self._clear_away(process)
        return await process.wait()

    def failure(self, why: str) -> ProcessError:
        """An exception about this process, with its log and, if it ended, its exit status."""
        status = None if self._process is None else self._process.returncode
        return ProcessError(self.argv, why if status is None else f"{why} (exit status {status})", self.log)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if error is not None and not isinstance(error, ProcessError):
            error.add_note(f"Log of {' '.join(self.argv)}:\n{self.log or '(empty)'}")

    def _ask_to_end(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is not None:
            process.stdin.close()
        elif process.returncode is None:
            # Not process.terminate(): it may reap the process before asyncio's watcher does, which then
            # warns and reports status 255. A process that ended meanwhile needs no signal.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)

    async def _clear_away(self, process: asyncio.subprocess.Process) -> None:
        # No group any more is what we want: then the process left no child behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        # What the test did not read keeps the pipe open, and an open pipe keeps wait() from returning.
        while self._talks and process.stdout is not None and await process.stdout.read(65_536):
            continue
        if self._log_task is not None:
            await self._log_task

    async def _read_log(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self._lines.append(line.decode(errors="replace").rstrip("\n"))
            await self._tell_log_readers()
        self._log_ended = True
        await self._tell_log_readers()

    async def _tell_log_readers(self) -> None:
        async with self._logged:
            self._logged.notify_all()

    def _line_with(self, part: str) -> str | None:
        return next((line for line in self._lines if part in line), None)

    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "start() comes first"
        return self._process
