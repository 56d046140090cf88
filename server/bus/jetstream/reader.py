"""Reader: what is stored of topics, asked of the leader of the stream.

JetStream's direct get and its consumers may be answered by a replica that is behind: an answer about the top
has to be true, or a position would be taken for lost that is not.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from actors.ports import BusUnavailable, Top
from actors.protocol.envelope import Seq, TopicName
from server.bus.followed import Stored
from server.bus.jetstream.consumer import Consumer
from server.bus.jetstream.line import Line
from server.bus.jetstream.names import Names
from server.bus.jetstream.places import Places
from server.bus.jetstream.refusals import NO_MESSAGE, Refused
from server.bus.jetstream.stored import Record, raw_record
from server.bus.jetstream.streams import API
from server.config import HistoryConfig

__all__ = ["Reader"]

RETRY_AFTER_S = 1


class Reader:
    """Knows nothing itself; ``places`` says where in the stream a reader may begin."""

    def __init__(self, line: Line, names: Names, places: Places) -> None:
        self._line = line
        self._names = names
        self._places = places
        self._numbers = count()

    async def last(self, topic: TopicName) -> Record | None:
        """The last message of ``topic``, or what lives on of it. Raises: LineLost, Refused, BadRecord."""
        question = {"last_by_subj": self._names.subject(topic)}
        stored = await self._message(self._names.messages, question)
        if stored is not None:
            return stored
        top = await self._message(self._names.tops, question)
        if top is None:
            return None
        # A first message between the two questions is no message that is gone; it is here before it is there.
        return await self._message(self._names.messages, question) or top._replace(stream_seq=0)

    async def at(self, stream_seq: int) -> Record | None:
        """Raises: LineLost, Refused, BadRecord."""
        return await self._message(self._names.messages, {"seq": stream_seq})

    async def page(self, topic: TopicName, after: Seq, limit: int, bounds: HistoryConfig) -> Stored:
        """Not more than ``bounds`` allow, and not more than ``limit``, of what is stored behind ``after``.

        Raises: LineLost, Refused, BadRecord, BusUnavailable.
        """
        last = await self.last(topic)
        if last is None:
            return Stored(Top(), [])
        top = last.seq
        if last.stream_seq == 0 or top <= after:
            return Stored(last.top, [])
        records = await self._behind(topic, after, limit, bounds, last.stream_seq)
        messages = [record.envelope for record in records]
        if messages:
            self._places.put(topic, messages[-1].seq, records[-1].stream_seq)
        reached = messages[-1].seq if messages else after or top  # what is too old to be loaded is not missing
        if len(messages) < limit and reached < top:
            raise BusUnavailable("bus: a replica of the stream is behind", RETRY_AFTER_S)
        return Stored(last.top, messages)

    async def newest(self, topics: Sequence[TopicName]) -> dict[TopicName, Seq]:
        """The last position of each topic that has one. Raises: LineLost, Refused, BadRecord."""
        found: dict[TopicName, Seq] = {}
        for stream in (self._names.messages, self._names.tops):
            missing = [self._names.subject(topic) for topic in topics if topic not in found]
            if not missing:
                break
            wanted = {"deliver_policy": "last_per_subject", "filter_subjects": missing, "headers_only": True}
            async with Consumer(self._line, stream, wanted, next(self._numbers)) as consumer:
                for subject, record in await consumer.take(consumer.pending):
                    topic = self._names.topic_of(subject)
                    if topic is not None:
                        found[topic] = record.seq
        return found

    async def _behind(self, topic: TopicName, after: Seq, limit: int, bounds: HistoryConfig, end: int) -> list[Record]:
        wanted = {"filter_subject": self._names.subject(topic)} | self._beginning(topic, after, bounds, end)
        async with Consumer(self._line, self._names.messages, wanted, next(self._numbers)) as consumer:
            for surplus in _steps(consumer.pending - bounds.messages, limit):
                await consumer.take(surplus)
            kept: list[Record] = []
            while len(kept) < limit and consumer.pending:
                records = await consumer.take(min(limit - len(kept), consumer.pending))
                kept += [record for _, record in records if record.seq > after]
            return kept

    def _beginning(self, topic: TopicName, after: Seq, bounds: HistoryConfig, end: int) -> dict[str, Any]:
        """A stream that lost its tail gives the same sequences again: a place at its ``end`` or beyond is of no use."""
        if not after:
            oldest = datetime.now(UTC) - timedelta(seconds=bounds.ttl_s)
            return {"deliver_policy": "by_start_time", "opt_start_time": oldest.isoformat().replace("+00:00", "Z")}
        place = self._places.get(topic)
        if place is not None and place.seq == after and place.stream_seq < end:
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": place.stream_seq + 1}
        return {"deliver_policy": "all"}

    async def _message(self, stream: str, question: dict[str, Any]) -> Record | None:
        try:
            answer = await self._line.call(f"{API}.STREAM.MSG.GET.{stream}", question)
        except Refused as refused:
            if refused.err_code == NO_MESSAGE:
                return None
            raise
        return raw_record(answer["message"])


def _steps(total: int, step: int) -> Iterator[int]:
    for done in range(0, total, step):
        yield min(step, total - done)
