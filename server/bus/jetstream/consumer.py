"""Consumer: reads a stretch of a stream, in portions that are asked for, and is gone afterwards.

Pulled and not pushed, so that nothing comes that nobody has room for.
"""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from server.bus.jetstream.line import Line
from server.bus.jetstream.stored import Record
from server.bus.jetstream.streams import API
from server.bus.life import LineLost

__all__ = ["Consumer"]

IDLE_NS = 5_000_000_000  # one that was not deleted is forgotten by the server after this


class Consumer:
    """``pending`` is how many messages are still to be had. One portion at a time.

    ``wanted`` is the part of a consumer's configuration that says which messages; ``number`` makes its name.
    """

    def __init__(self, line: Line, stream: str, wanted: dict[str, Any], number: int) -> None:
        self._line = line
        self._stream = stream
        self._wanted = wanted
        self._inbox = line.new_inbox()
        self._name = f"{self._inbox.rpartition('.')[2]}-{number}"
        self._subscription: Subscription | None = None
        self._portion: list[tuple[str, Record]] = []
        self._missing = 0
        self._complete: asyncio.Future[None] | None = None
        self.pending = 0

    async def __aenter__(self) -> Self:
        """Raises: LineLost, Refused."""
        self._subscription = await self._line.listen(self._inbox, self._hear)
        try:
            subject = f"{API}.CONSUMER.CREATE.{self._stream}.{self._name}"
            if (only := self._wanted.get("filter_subject")) is not None:
                subject += f".{only}"
            answer = await self._line.call(subject, {"stream_name": self._stream, "config": self._config()})
        except BaseException:
            await self._line.leave(self._subscription)
            raise
        self.pending = int(answer.get("num_pending", 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscription is not None and not self._line.lost.done():
            await self._line.leave(self._subscription)
            await self._line.send(f"{API}.CONSUMER.DELETE.{self._stream}.{self._name}", b"")

    async def take(self, count: int) -> list[tuple[str, Record]]:
        """The next ``count`` messages and their subjects; fewer where some are gone by now. Raises: LineLost."""
        if count <= 0:
            return []
        self._portion, self._missing = [], count
        complete = self._complete = asyncio.get_running_loop().create_future()
        request = json.dumps({"batch": count, "no_wait": True}).encode()
        await self._line.send(f"{API}.CONSUMER.MSG.NEXT.{self._stream}.{self._name}", request, reply=self._inbox)
        await asyncio.wait({complete, self._line.lost}, return_when=asyncio.FIRST_COMPLETED)
        if not complete.done():
            raise LineLost(self._line.lost.result())
        return self._portion

    def _config(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "ack_policy": "none",
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": IDLE_NS,
            **self._wanted,
        }

    async def _hear(self, message: Msg) -> None:
        headers = message.headers or {}
        if not message.reply:  # a status: there is no more
            self._missing = self.pending = 0
        else:
            stream_seq, pending = _place_in(message.reply)
            self.pending = pending
            self._missing -= 1
            self._portion.append((message.subject, Record(stream_seq, headers, message.data)))
        if self._missing <= 0 and self._complete is not None and not self._complete.done():
            self._complete.set_result(None)


def _place_in(reply: str) -> tuple[int, int]:
    """``$JS.ACK.stream.consumer.delivered.stream_seq.consumer_seq.time.pending``, or with domain and account."""
    tokens = reply.split(".")
    start = 2 if len(tokens) < 11 else 4
    return int(tokens[start + 3]), int(tokens[start + 6])
