"""``POST /api/publish``: a backend publishes one envelope, or a batch of them."""

import asyncio
from collections.abc import Awaitable, Sequence

from tornado.web import stream_request_body

from actors.packet_log import PacketLog
from actors.ports import Bus, BusUnavailable, Clock, Placed
from actors.protocol.codec import object_from, parse
from actors.protocol.codes import ErrorCode, Refusal
from actors.protocol.envelope import Envelope, ProtocolError, envelope_from
from actors.protocol.permissions import Identity
from server.access import Access
from server.admission import Refused
from server.handlers.cross_origin import CrossOriginHandler
from server.publish_rate import PublishRate

__all__ = ["MAX_BATCH", "PublishHandler"]

MAX_BATCH = 1000
SLICE = 100  # of a batch that are published before others have the loop: 2 ms or so
# A body over the limit is read and thrown away up to here, so that its sender gets to read the 413.
DISCARD_BYTES = 8 * 1024 * 1024

_STATUS = {ErrorCode.FORBIDDEN: 403, ErrorCode.OVERLOADED: 503, ErrorCode.INTERNAL: 500}

Answer = dict[str, object]


class _Refused(Exception):
    """One envelope that was not published."""

    def __init__(self, refusal: Refusal, retry_after_s: int | None = None) -> None:
        super().__init__(refusal)
        self.refusal = refusal
        self.retry_after_s = retry_after_s

    def as_answer(self) -> Answer:
        return {"error": self.refusal.as_data()}


@stream_request_body
class PublishHandler(CrossOriginHandler):
    """The token is verified before the body is kept; 200 is given after the bus has stored, never before."""

    routine = True
    cross_origin = "POST"
    cross_origin_headers = "Authorization, Content-Type"

    def initialize(
        self, access: Access, bus: Bus, clock: Clock, rate: PublishRate, packets: PacketLog, max_body_bytes: int
    ) -> None:
        self._packets = packets
        self._access = access
        self._rate = rate
        self._bus = bus
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._body = bytearray()
        self._body_bytes = 0
        self._identity: Identity | Refused | None = None

    async def prepare(self) -> None:
        self.let_origin_read()
        if self.request.method == "OPTIONS":
            return
        self.request.connection.set_max_body_size(DISCARD_BYTES)  # type: ignore[union-attr]
        announced = self.request.headers.get("Content-Length", "0")
        if not _is_below(announced, DISCARD_BYTES):
            self._refuse_size()
            return
        # A refusal waits for ``post``: answered now, it would be lost to a sender that is still writing.
        self._identity = await self._access.identify(self.request)

    def data_received(self, chunk: bytes) -> None:
        self._body_bytes += len(chunk)
        if isinstance(self._identity, Identity) and self._body_bytes <= self._max_body_bytes:
            self._body += chunk
        else:
            self._body.clear()

    async def post(self) -> None:
        if isinstance(self._identity, Refused):
            self.turn_away(self._identity)
            return
        if self._body_bytes > self._max_body_bytes:
            self._refuse_size()
            return
        try:
            value = parse(bytes(self._body))
        except ProtocolError as flaw:
            self.refuse(400, flaw.code, str(flaw))
            return
        if isinstance(value, list) and len(value) > MAX_BATCH:
            rule = f"body: at most {MAX_BATCH} envelopes in a batch, not {len(value)}"
            self.refuse(400, ErrorCode.BAD_ENVELOPE, rule)
        elif self._is_too_often(len(value) if isinstance(value, list) else 1):
            pass
        elif isinstance(value, list):
            self.answer(await self._publish_batch(value))
        else:
            await self._publish_one(value)

    def _is_too_often(self, messages: int) -> bool:
        assert isinstance(self._identity, Identity)
        wait_s = self._rate.take(self._identity.user, messages, self._clock.monotonic())
        if wait_s is not None:
            rule = f"limits.publishes_per_s: too many messages at once; wait {wait_s} s"
            self.refuse(429, ErrorCode.RATE_LIMITED, rule, wait_s)
        return wait_s is not None

    async def _publish_one(self, value: object) -> None:
        try:
            placing = self._publish(value)
            self.answer(placing if isinstance(placing, dict) else await placing)
        except _Refused as refused:
            code = refused.refusal.code
            self.refuse(_STATUS.get(code, 400), code, refused.refusal.message, refused.retry_after_s)

    async def _publish_batch(self, values: Sequence[object]) -> Sequence[Answer]:
        """An answer for each, which may be its own error: that does not stop the others.

        All are on their way before the first answer is awaited: a batch is not as many round trips to the bus. Others
        have the loop in between.
        """
        placing: list[Answer | Awaitable[Answer]] = []
        for number, value in enumerate(values, 1):
            try:
                placing.append(self._publish(value))
            except _Refused as refused:
                placing.append(refused.as_answer())
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return [one if isinstance(one, dict) else await _answered(one) for one in placing]

    def _publish(self, value: object) -> Answer | Awaitable[Answer]:
        """Raises: _Refused, at once or where it is awaited."""
        assert isinstance(self._identity, Identity)
        try:
            fields = object_from(value)
            envelope = envelope_from(fields, self._clock.time())
        except ProtocolError as flaw:
            raise _Refused(Refusal(flaw.code, str(flaw))) from None
        if not self._identity.may_publish(envelope.topic):
            raise _Refused(Refusal(ErrorCode.FORBIDDEN, "topic: your token's publish list does not match it"))
        if self._packets.tells(envelope.id):
            user = self._identity.user
            self._packets.tell("accepted", envelope.id, envelope.topic, type=envelope.type, user=user)
        try:
            placed = self._bus.publish(envelope, deduplicate="id" in fields)
        except BusUnavailable as refused:
            raise _not_stored(refused) from None
        return _stored(envelope, placed) if isinstance(placed, Placed) else _once_stored(envelope, placed)

    def _refuse_size(self) -> None:
        self.refuse(413, "too_large", f"body: at most {self._max_body_bytes} bytes (server.max_frame_bytes)")


def _stored(envelope: Envelope, placed: Placed) -> Answer:
    return {
        "id": envelope.id,
        "topic": envelope.topic,
        "seq": placed.seq,
        "prev": placed.prev,
        "duplicate": placed.duplicate,
    }


async def _once_stored(envelope: Envelope, placing: Awaitable[Placed]) -> Answer:
    """Raises: _Refused."""
    try:
        return _stored(envelope, await placing)
    except BusUnavailable as refused:
        raise _not_stored(refused) from None


async def _answered(placing: Awaitable[Answer]) -> Answer:
    try:
        return await placing
    except _Refused as refused:
        return refused.as_answer()


def _not_stored(refused: BusUnavailable) -> _Refused:
    return _Refused(Refusal(ErrorCode.OVERLOADED, str(refused)), refused.retry_after_s)


def _is_below(announced: str, limit: int) -> bool:
    """Whether a Content-Length header is a number of at most ``limit``: not every digit is one of ours."""
    return announced.isascii() and announced.isdigit() and len(announced) < 16 and int(announced) <= limit
