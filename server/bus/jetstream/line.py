"""Line: one connection to NATS; questions and their answers on it, many under way at once."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error, SlowConsumerError

from server.bus.jetstream.dial import Dial, NotEncrypted
from server.bus.jetstream.refusals import Refused
from server.bus.life import LineLost

__all__ = ["Line", "Listen"]

CLOSE_S = 0.5
MAX_HEARD = 65_536  # messages of one subscription that wait for the loop, and
MAX_HEARD_BYTES = 64 * 1024 * 1024  # their size; what is more is fetched from the stream later

Listen = Callable[[Msg], Awaitable[None]]

log = logging.getLogger("fanwire.bus")


class Line:
    """Owns the questions without an answer. ``lost`` is done when the connection is gone, and says why.

    nats-py's own ``request`` leaves whoever waits waiting when the connection is lost, and makes a timer for
    each question.
    """

    def __init__(self, dial: Dial, on_overflow: Callable[[str], None]) -> None:
        self._dial = dial
        self._client = Client()
        self._on_overflow = on_overflow
        self._inbox = ""
        self._asked: dict[str, asyncio.Future[Msg]] = {}
        self._count = 0
        self._is_open = False
        self._last_error = ""
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def open(self, within_s: float) -> None:
        """Raises: LineLost, with what is wrong."""
        try:
            async with asyncio.timeout(within_s):
                await self._dial.connect(self._client, self._failed)
                self._inbox = self._client.new_inbox()
                await self._client.subscribe(f"{self._inbox}.*", cb=self._take)
        except TimeoutError:
            raise LineLost(self._last_error or f"no answer in {within_s:g} s") from None
        except (Error, OSError, NotEncrypted) as error:
            raise LineLost(self._last_error or str(error)) from None
        self._is_open = True

    @property
    def max_payload(self) -> int:
        return self._client.max_payload

    async def ask(self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None) -> Msg:
        """Raises: LineLost, Refused where nobody listens to ``subject``."""
        self._count += 1
        name = str(self._count)
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._asked[name] = answer
        try:
            await self.send(subject, payload, reply=f"{self._inbox}.{name}", headers=headers)
            return await answer
        finally:
            del self._asked[name]

    async def call(self, subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """A question to JetStream's API and its answer. Raises: LineLost, Refused."""
        message = await self.ask(subject, json.dumps(request).encode())
        answer: dict[str, Any] = json.loads(message.data)
        if (error := answer.get("error")) is not None:
            raise Refused.by(error)
        return answer

    async def send(
        self, subject: str, payload: bytes, *, reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Raises: LineLost."""
        if self.lost.done():
            raise LineLost(self.lost.result())
        try:
            await self._client.publish(subject, payload, reply, dict(headers) if headers else None)
        except Error as error:
            raise LineLost(str(error)) from None

    def new_inbox(self) -> str:
        return self._client.new_inbox()

    async def listen(self, subject: str, listen: Listen) -> Subscription:
        """Raises: LineLost."""
        if self.lost.done():
            raise LineLost(self.lost.result())
        try:
            return await self._client.subscribe(
                subject, cb=listen, pending_msgs_limit=MAX_HEARD, pending_bytes_limit=MAX_HEARD_BYTES
            )
        except Error as error:
            raise LineLost(str(error)) from None

    async def leave(self, subscription: Subscription) -> None:
        if not self.lost.done():
            with suppress(Error):  # the connection is being lost: there is nothing to leave any more
                await subscription.unsubscribe()

    async def settled(self, within_s: float) -> None:
        """What was sent before has reached the server. Raises: LineLost."""
        flushed = asyncio.ensure_future(self._client.flush(within_s))  # type: ignore[arg-type]  # seconds
        flushed.add_done_callback(_seen)
        ends: set[asyncio.Future[Any]] = {flushed, self.lost}
        # Where this wait is cancelled the flush goes on: a pong for one that was cancelled ends nats-py's reading.
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not self.lost.done() and flushed.exception() is not None:
            self.lose(f"silent for {within_s:g} s")
        if self.lost.done():
            raise LineLost(self.lost.result())

    def lose(self, why: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(why)
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(LineLost(why))

    async def close(self, why: str) -> None:
        self.lose(why)
        if self._client.is_closed:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._client.close()
        except (Error, OSError, TimeoutError, AssertionError, AttributeError) as error:
            # A server that does not read any more, or a connection that was given up half-open.
            log.debug("closing a connection to NATS: %s", error)

    async def _take(self, message: Msg) -> None:
        answer = self._asked.get(message.subject.rpartition(".")[2])
        if answer is None or answer.done():  # whoever asked has gone
            return
        if message.headers and message.headers.get("Status") == "503":
            answer.set_exception(Refused(503, 10076, "nobody answers for JetStream"))
        else:
            answer.set_result(message)

    def _failed(self, error: Exception) -> None:
        """Whatever nats-py reports; afterwards it may be well or not, and a new connection certainly is."""
        self._last_error = str(error) or type(error).__name__
        if isinstance(error, SlowConsumerError):
            self._on_overflow(error.subject)
        elif self._is_open:
            self.lose(self._last_error)


def _seen(task: "asyncio.Task[None]") -> None:
    """Whoever waited for it may have gone."""
    if not task.cancelled():
        task.exception()
