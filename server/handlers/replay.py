"""``GET /api/ws/replay``: a page of a topic's history, for whoever wants messages without a connection."""

import asyncio
from collections.abc import Sequence

from actors.delivery import Delivery
from actors.directory import TopicDirectory
from actors.history import History
from actors.ports import Bus, BusUnavailable, Top
from actors.protocol.codec import encode
from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import ProtocolError, TopicName, publishable_topic
from actors.protocol.faithful import MAX_INTEGER
from actors.protocol.messages import Since, since_from
from actors.topic_page import Page, Read, page_of
from actors.topic_state import TopicMailbox
from server.access import WRONG_ORIGIN, Access
from server.admission import Refused
from server.handlers.cross_origin import CrossOriginHandler

__all__ = ["MAX_LIMIT", "ReplayHandler"]

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
PATIENCE_S = 5.0
RETRY_AFTER_S = 1


class ReplayHandler(CrossOriginHandler):
    """Answers as the topic's actor does: what was stored before the request is in the answer."""

    routine = True

    def initialize(self, access: Access, directory: TopicDirectory, bus: Bus) -> None:
        self._access = access
        self._directory = directory
        self._bus = bus

    def prepare(self) -> None:
        self.let_origin_read()

    async def get(self) -> None:
        if not self._access.is_of_allowed_origin(self.request):
            self.refuse(403, ErrorCode.FORBIDDEN, WRONG_ORIGIN)
            return
        admitted = await self._access.identify(self.request)
        if isinstance(admitted, Refused):
            self.turn_away(admitted)
            return
        try:
            topic = publishable_topic(self.get_query_argument("topic", None, strip=False))
            after = _position_from(self.get_query_argument("after", None, strip=False))
            limit = _limit_from(self.get_query_argument("limit", str(DEFAULT_LIMIT), strip=False))
        except ProtocolError as flaw:
            self.refuse(400, flaw.code, str(flaw))
            return
        if not admitted.may_subscribe(topic):
            self.refuse(403, ErrorCode.FORBIDDEN, "topic: your token's subscribe list does not match it")
            return
        await self._answer_page(topic, after, limit)

    head = get

    async def _answer_page(self, topic: TopicName, after: Since, limit: int) -> None:
        page = await self._page(topic, after, limit)
        if page is None:
            self.refuse(503, ErrorCode.OVERLOADED, "topic: cannot be served right now; try again", RETRY_AFTER_S)
        elif page.messages is None:
            self.set_status(410)
            lost = {"code": "history_lost", "message": "after: history does not reach back to it, or never had it"}
            self.finish(encode({**lost, "oldest": page.oldest, "seq": page.top}))
        else:
            self.finish(_body(topic, page, page.messages))

    async def _page(self, topic: TopicName, after: Since, limit: int) -> Page | None:
        """None where the topic cannot be served now."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._read(topic, after, limit)
        except (BusUnavailable, TimeoutError):
            return None

    async def _read(self, topic: TopicName, after: Since, limit: int) -> Page | None:
        """Raises: BusUnavailable."""
        newest = self._bus.newest(topic)
        top = newest if isinstance(newest, Top) else await newest
        mailbox = self._mailbox_of(topic, top)
        if mailbox is None:
            nothing = History(max_messages=0, ttl_s=0.0, top=top)
            return page_of(nothing, after, limit) if self._has_nothing(topic, top) else None
        read = Read(after, limit, top.seq, asyncio.get_running_loop().create_future())
        mailbox.control(read)
        return await read.answer

    def _mailbox_of(self, topic: TopicName, top: Top) -> TopicMailbox | None:
        """Nobody starts a topic by asking what is in it, unless it has messages that only the bus knows."""
        return self._directory.mailbox_of(topic) if top.seq > self._bus.top(topic).seq else self._directory.find(topic)

    def _has_nothing(self, topic: TopicName, top: Top) -> bool:
        return self._directory.has_room(topic) and top.seq <= self._bus.top(topic).seq


def _body(topic: TopicName, page: Page, messages: Sequence[Delivery]) -> bytes:
    """The messages are JSON already: nothing is encoded twice."""
    head = encode({"topic": topic})[:-1]
    tail = encode({"seq": page.top, "complete": page.is_complete})[1:]
    return b'%s,"messages":[%s],%s' % (head, b",".join([message.payload for message in messages]), tail)


def _position_from(text: str | None) -> Since:
    """Raises: ProtocolError."""
    if text is None:
        raise ProtocolError(ErrorCode.BAD_ENVELOPE, "after", "is missing: a seq, a message id, or earliest")
    is_seq = text.isascii() and text.isdigit() and len(text) < 17 and int(text) <= MAX_INTEGER
    return since_from("after", int(text) if is_seq else text)


def _limit_from(text: str) -> int:
    """Raises: ProtocolError."""
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise ProtocolError(ErrorCode.BAD_ENVELOPE, "limit", f"must be a number from 1 to {MAX_LIMIT}")
