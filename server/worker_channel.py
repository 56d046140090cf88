"""WorkerChannel: one end of the line between a parent process and one of its workers. JSON, a line for each message.

Either side asks (``{"ask", "n"}``), is answered (``{"re", "value"}``), or tells (``{"tell", "value"}``). It owns the
questions that are open. Neither side waits for the other without a deadline, and what it may leave unread is bounded.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

__all__ = ["ChannelLost", "WorkerChannel"]

LINE_BYTES = 4 * 1024 * 1024  # everything that a worker counted is about 30 KiB
UNREAD_BYTES = 256 * 1024
OPEN_QUESTIONS = 32

log = logging.getLogger("fanwire.workers")

Answer = Callable[[str], Awaitable[object]]
Heard = Callable[[str, Any], None]


class ChannelLost(Exception):
    """No answer will come: the other side is gone, or has not read for so long that nothing more is sent to it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the process at the other end {self.why}"


class WorkerChannel:
    """``answer`` is asked what the other side asks, ``heard`` gets what it tells, ``lost`` hears that it is gone."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answer: Answer,
        heard: Heard,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._heard = heard
        self._lost = lost
        self._numbers = count(1)
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._listening = asyncio.ensure_future(self._listen())

    async def ask(self, what: str, deadline_s: float) -> Any:
        """The other side's answer. Raises: ChannelLost, TimeoutError after ``deadline_s`` seconds."""
        if len(self._open) >= OPEN_QUESTIONS:
            raise ChannelLost("has more questions open than it may have")
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._send({"ask": what, "n": number})
        self._open[number] = answer
        try:
            async with asyncio.timeout(deadline_s):
                return await answer
        finally:
            del self._open[number]

    def tell(self, what: str, value: object = None) -> None:
        """Raises: ChannelLost."""
        self._send({"tell": what, "value": value})

    async def until_read(self, patience_s: float) -> None:
        """Returns when everything was read that a side which is gone has said."""
        await asyncio.wait({self._listening}, timeout=patience_s)

    async def close(self) -> None:
        """Hang up, once what was told is on its way; what was asked meanwhile stays unanswered."""
        for task in (self._listening, *self._answering):
            task.cancel()
        await asyncio.gather(self._listening, *self._answering, return_exceptions=True)
        self._writer.close()

    def _send(self, message: object) -> None:
        if self._writer.is_closing():
            raise ChannelLost("is gone")
        if self._writer.transport.get_write_buffer_size() > UNREAD_BYTES:
            raise ChannelLost("does not read")
        self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except ConnectionError as gone:
            log.debug("a channel was reset: %s", gone)
        except ValueError as nonsense:
            log.error("a channel is given up: what came over it is no message: %s", nonsense)
        self._writer.close()
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(ChannelLost("is gone"))
        self._lost()

    def _take(self, message: dict[str, Any]) -> None:
        match message:
            # The other side has the same bound: one more than that is not of ours, and stays unanswered.
            case {"ask": what, "n": number} if len(self._answering) < OPEN_QUESTIONS:
                task = asyncio.ensure_future(self._reply(what, number))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            case {"re": number, "value": value}:
                answer = self._open.get(number)
                if answer is not None and not answer.done():
                    answer.set_result(value)
            case {"tell": what, "value": value}:
                self._heard(what, value)

    async def _reply(self, what: str, number: int) -> None:
        value = await self._answer(what)
        try:
            self._send({"re": number, "value": value})
        except ChannelLost as lost:
            log.debug("an answer was not given: %s", lost)
