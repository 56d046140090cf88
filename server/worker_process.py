"""WorkerProcess: one worker as its parent sees it: when it accepts, what it counted, how it ended.

Owns the process's pidfd, the channel to it, and the last readings that it gave.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from server.metrics.readings import Readings
from server.siblings import WorkerState
from server.worker_channel import LINE_BYTES, ChannelLost, WorkerChannel

__all__ = ["WorkerProcess"]

ANSWER_S = 1.0

Answer: TypeAlias = Callable[[str], Awaitable[object]]
Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

log = logging.getLogger("fanwire.workers")


class WorkerProcess:
    """``number`` is its place among the workers, which its successor takes over; ``serving``: it accepted once."""

    def __init__(self, number: int, process: asyncio.subprocess.Process, streams: Streams, answer: Answer) -> None:
        self.number = number
        self.pid = process.pid
        self.serving = asyncio.Event()
        self.is_leaving = False
        self.was_killed = False
        self.last = Readings()
        self._channel = WorkerChannel(*streams, answer=answer, heard=self._heard)
        self._process = process
        self._pidfd = _pidfd_of(process)
        self._ending = asyncio.ensure_future(self._until_ended())

    @classmethod
    async def start(cls, program: Sequence[str], number: int, port: int, answer: Answer) -> "WorkerProcess":
        """Run ``program`` with one more argument, the descriptor of its channel. Raises: OSError.

        A session of its own: Ctrl+C and a closed terminal are the parent's to hear, who then tells its workers.
        """
        ours, its = socket.socketpair()
        with its:
            reader, writer = await asyncio.open_connection(sock=ours, limit=LINE_BYTES)
            try:
                process = await _spawn([*program, str(its.fileno())], its.fileno())
            except OSError:
                writer.close()
                raise
        worker = cls(number, process, (reader, writer), answer)
        worker._channel.tell("orders", {"number": number, "port": port})
        return worker

    @property
    def has_ended(self) -> bool:
        return self._ending.done()

    async def until_ended(self) -> int:
        """Its exit code, negative where a signal ended it."""
        return await asyncio.shield(self._ending)

    async def is_serving_within(self, patience_s: float) -> bool:
        """Whether it came to accept connections; False as soon as it has ended without that."""
        accepts = asyncio.ensure_future(self.serving.wait())
        await asyncio.wait({accepts, self._ending}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        accepts.cancel()
        return self.serving.is_set() and not self.has_ended

    async def state(self) -> WorkerState:
        if not self.serving.is_set() or self.is_leaving or self.has_ended:
            return WorkerState.AWAY
        checks = await self._ask("checks")
        if not isinstance(checks, dict):
            return WorkerState.SILENT
        return WorkerState.READY if all(checks.values()) else WorkerState.NOT_READY

    async def readings(self) -> Readings | None:
        """What it has counted up to now; None where it does not say."""
        data = await self._ask("readings")
        if not isinstance(data, dict):
            return None
        self.last = Readings.from_data(data)
        return self.last

    def signal(self, number: signal.Signals) -> None:
        if self._pidfd is not None and not self.has_ended:
            # It may have ended a moment ago, and not have been waited for yet.
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    async def end(self, patience_s: float) -> None:
        """Have it drain and end; kill it where that takes more than ``patience_s`` seconds."""
        self.signal(signal.SIGTERM)
        await asyncio.wait({self._ending}, timeout=patience_s)
        if not self.has_ended:
            log.error("a worker is killed: it did not end in time", extra={"number": self.number, "worker": self.pid})
            self.was_killed = True
            self.signal(signal.SIGKILL)
        await self.until_ended()

    async def _until_ended(self) -> int:
        code = await self._process.wait()
        await self._channel.until_read(ANSWER_S)
        await self._channel.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
        return code

    async def _ask(self, what: str) -> object:
        try:
            answer: object = await self._channel.ask(what, ANSWER_S)
        except (ChannelLost, TimeoutError) as silence:
            log.warning("a worker does not answer: %s", silence or "no time", extra={"worker": self.pid})
            return None
        return answer

    def _heard(self, what: str, value: object) -> None:
        match what, value:
            case "serving", _:
                self.serving.set()
            case "leaving", _:
                self.is_leaving = True
            case "readings", dict():
                self.last = Readings.from_data(value)


async def _spawn(argv: Sequence[str], descriptor: int) -> asyncio.subprocess.Process:
    nothing = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*argv, stdin=nothing, pass_fds=[descriptor], start_new_session=True)


def _pidfd_of(process: asyncio.subprocess.Process) -> int | None:
    """What signals go to: never to a stranger that got the pid of a worker that is gone. None if it is gone now."""
    try:
        return os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
