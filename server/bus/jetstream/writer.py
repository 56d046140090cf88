"""Writer: gives the messages of one topic their positions and has them stored, one after another.

JetStream stores a message only if the last one of the topic is the one that the writer has seen: of several
gateways that publish at once, one gets its message in, and the others learn that they have to look again.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from nats.aio.msg import Msg

from actors.ports import BusUnavailable, Placed
from actors.protocol.envelope import Seq, TopicName
from server.bus.jetstream.line import Line
from server.bus.jetstream.places import Place, Places
from server.bus.jetstream.reader import Reader
from server.bus.jetstream.refusals import WRONG_LAST, Refused, gone, refusal_of
from server.bus.jetstream.stored import PREV, SEQ, BadRecord, placed_of
from server.bus.life import LineLost
from server.bus.refusals import unknown

__all__ = ["TURN", "Waiting", "Writer"]

TURN = 128  # messages that a writer with more to send sends before it lets writers elsewhere get in
TURN_GAP = 4.0  # for so many round trips: whoever is refused needs two, to look and to send again
RETRY_AFTER_S = 1
FORGOTTEN_S = 300


class Waiting(NamedTuple):
    """A message on its way. ``message_id`` where its publisher chose the id; ``until``: loop time."""

    text: bytes
    message_id: str | None
    until: float
    placed: "asyncio.Future[Placed]"


class Ack(NamedTuple):
    """JetStream's answer to a message that it has, from now on or since before."""

    stream_seq: int
    duplicate: bool


class Writer:
    """Owns the messages of ``topic`` that wait, and the task that sends them. ``ended``: there are none."""

    def __init__(
        self,
        topic: TopicName,
        subject: str,
        line: Line,
        reader: Reader,
        places: Places,
        now_us: Callable[[], int],
        answer_s: float,
        ended: "Callable[[Writer], None]",
    ) -> None:
        self.topic = topic
        self._subject = subject
        self._line = line
        self._reader = reader
        self._places = places
        self._now_us = now_us
        self._answer_s = answer_s
        self._ended = ended
        self._queue: deque[Waiting] = deque()
        self._round_trip_s = 0.0
        self._task: asyncio.Task[None] | None = None

    def add(self, waiting: Waiting) -> None:
        self._queue.append(waiting)
        if self._task is None:
            self._task = asyncio.ensure_future(self._send_all())

    async def _send_all(self) -> None:
        sent = 0
        try:
            while self._queue:
                waiting = self._queue.popleft()
                if waiting.placed.done():  # whoever published it has gone
                    continue
                await self._send(waiting)
                sent += 1
                if sent % TURN == 0 and self._queue:
                    await asyncio.sleep(self._round_trip_s * TURN_GAP)
        finally:
            self._ended(self)

    async def _send(self, waiting: Waiting) -> None:
        """Every end of it is told to whoever waits."""
        try:
            if self._line.lost.done():
                raise gone(self._line.lost.result())
            if asyncio.get_running_loop().time() >= waiting.until:
                raise BusUnavailable("bus: too many messages of this topic wait for NATS; not stored", RETRY_AFTER_S)
            placed = await self._place(waiting)
        except BusUnavailable as why:
            self._places.forget(self.topic)
            _tell(waiting, why)
        except BaseException:
            _tell(waiting, gone("the bus was stopped"))
            raise
        else:
            if not waiting.placed.done():
                waiting.placed.set_result(placed)

    async def _place(self, waiting: Waiting) -> Placed:
        """Raises: BusUnavailable."""
        while True:
            last = await self._last()
            placed = Placed(Seq(max(last.seq + 1, self._places.highest + 1, self._now_us())), last.seq, duplicate=False)
            try:
                ack = await self._store(waiting, placed, last.stream_seq)
            except Refused as refused:
                if refused.err_code not in WRONG_LAST:
                    raise refusal_of(refused) from None
                self._places.forget(self.topic)
                self._give_up_after(waiting.until)
                continue
            if ack.duplicate:
                return await self._placed_before(ack.stream_seq)
            self._places.put(self.topic, placed.seq, ack.stream_seq)
            return placed

    async def _last(self) -> Place:
        """Raises: BusUnavailable."""
        known = self._places.get(self.topic)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(self._answer_s):
                record = await self._reader.last(self.topic)
            return Place(Seq(0), 0) if record is None else Place(record.seq, record.stream_seq)
        except TimeoutError:
            self._line.lose(f"no answer in {self._answer_s:g} s")
            raise gone(f"no answer in {self._answer_s:g} s") from None
        except LineLost as lost:
            raise gone(str(lost)) from None
        except Refused as refused:
            raise refusal_of(refused) from None
        except BadRecord as record:
            raise BusUnavailable(f"bus: not a message of Fanwire in {self.topic}: {record}", RETRY_AFTER_S) from None

    async def _store(self, waiting: Waiting, placed: Placed, after: int) -> Ack:
        """Raises: Refused, BusUnavailable where it is not known whether the message was stored."""
        headers = {SEQ: str(placed.seq), PREV: str(placed.prev), "Nats-Expected-Last-Subject-Sequence": str(after)}
        if waiting.message_id is not None:
            headers["Nats-Msg-Id"] = waiting.message_id
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._answer_s):
                answer = await self._line.ask(self._subject, waiting.text, headers)
        except TimeoutError:
            self._line.lose(f"no answer in {self._answer_s:g} s")
            raise unknown(f"no answer in {self._answer_s:g} s") from None
        except LineLost as lost:
            raise unknown(f"the connection was lost ({lost})") from None
        self._round_trip_s = loop.time() - began
        return _ack_from(answer)

    async def _placed_before(self, stream_seq: int) -> Placed:
        """Where the first message of this id is. Raises: BusUnavailable."""
        try:
            async with asyncio.timeout(self._answer_s):
                record = await self._reader.at(stream_seq)
            if record is not None:
                return placed_of(record.headers)._replace(duplicate=True)
        except (TimeoutError, LineLost, Refused, BadRecord) as error:
            raise gone(f"looking for the first message of this id: {error}") from None
        rule = "bus: this id was stored within the last 5 minutes and has left the history: its position is not known"
        raise BusUnavailable(rule, FORGOTTEN_S)

    def _give_up_after(self, until: float) -> None:
        if asyncio.get_running_loop().time() >= until:
            raise BusUnavailable("bus: other gateways publish to this topic too fast; not stored", RETRY_AFTER_S)


def _ack_from(answer: Msg) -> Ack:
    """Raises: Refused."""
    fields = json.loads(answer.data)
    if (error := fields.get("error")) is not None:
        raise Refused.by(error)
    return Ack(int(fields["seq"]), bool(fields.get("duplicate")))


def _tell(waiting: Waiting, why: BusUnavailable) -> None:
    if not waiting.placed.done():
        waiting.placed.set_exception(why)
