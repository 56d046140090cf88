"""``GET /api/events``: the same messages as server-sent events, for where a WebSocket does not get through."""

from collections.abc import Mapping, Sequence

from actors.clients import Clients
from actors.framing import EventFraming
from actors.meter import Meter
from actors.metrics import WS_DISCONNECTED
from actors.protocol.codec import encode
from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import SYSTEM, VERSION, ProtocolError, Seq, TopicName, new_trace_id, publishable_topic
from actors.protocol.permissions import Identity
from actors.protocol.sse import ENDED, BadCursor, cursor_from
from server.access import Access
from server.admission import Refused, unavailable
from server.event_socket import EventSocket, retry_soon
from server.handlers.cross_origin import CrossOriginHandler
from server.handlers.open_connections import OpenConnections

__all__ = ["EventsHandler"]


class EventsHandler(CrossOriginHandler):
    """One stream: the same client actor, mailbox and limits as a WebSocket has, but nothing is read from it."""

    cross_origin_headers = "Authorization, Last-Event-ID"

    def initialize(
        self,
        access: Access,
        clients: Clients,
        connections: OpenConnections,
        max_topics: int,
        write_stall_s: float,
        meter: Meter,
    ) -> None:
        self._access = access
        self._clients = clients
        self._connections = connections
        self._max_topics = max_topics
        self._write_stall_s = write_stall_s
        self._meter = meter

    def prepare(self) -> None:
        self.let_origin_read()

    async def get(self) -> None:
        came_from = self._asked_to_resume_from()
        if came_from == ENDED:
            self.set_status(204)
            return
        admitted = await self._access.connect(self.request)
        if isinstance(admitted, Identity) and not self._clients.are_served:
            admitted = unavailable("the gateway restarts a part of itself")
        if isinstance(admitted, Refused):
            self.turn_away(admitted)
            return
        try:
            topics = self._topics_asked_for(f"user:{admitted.user}")
            stream_topics = _with_own_topic(topics, admitted)
            positions = cursor_from(came_from, stream_topics) if came_from else {}
        except ProtocolError as flaw:
            self.refuse(400, flaw.code, str(flaw))
        except BadCursor as flaw:
            self.refuse(400, ErrorCode.BAD_ENVELOPE, str(flaw))
        else:
            if any(map(admitted.may_subscribe, topics)):
                await self._stream(admitted, stream_topics, positions)
            else:
                self.refuse(403, ErrorCode.FORBIDDEN, "topic: your token's subscribe list matches none of them")

    def _asked_to_resume_from(self) -> str:
        """By the browser itself, or by the page that made the EventSource anew."""
        from_browser = self.request.headers.get("Last-Event-ID")
        return from_browser or self.get_query_argument("last_event_id", "", strip=False)

    def _topics_asked_for(self, own: str) -> list[TopicName]:
        """``own`` does not count against the limit. Raises: ProtocolError."""
        topics = [publishable_topic(name) for name in dict.fromkeys(self.get_query_arguments("topic", strip=False))]
        if not topics:
            raise ProtocolError(ErrorCode.BAD_TOPIC, "topic", "name at least one: /api/events?topic=…&topic=…")
        if len(topics) - (own in topics) > self._max_topics:
            rule = f"at most {self._max_topics} on one connection"
            raise ProtocolError(ErrorCode.TOO_MANY_TOPICS, "topic", rule)
        return topics

    async def _stream(
        self,
        identity: Identity,
        topics: Sequence[TopicName],
        positions: Mapping[TopicName, Seq],
    ) -> None:
        """Answer by hand and for ever: what follows the head is the client's actor's."""
        head = self._head()
        stream = self.detach()
        stream.set_nodelay(True)
        socket = EventSocket(stream, self._write_stall_s, self._meter)
        self._connections.add(socket)
        leave = self._access.admission.enter(self._access.address_of(self.request), identity.user)
        socket.write(head + retry_soon())
        client = self._clients.connect(socket, identity, EventFraming(topics, positions))
        try:
            await client.read(_subscribe({topic: positions.get(topic) for topic in topics}))
            await socket.until_gone()
        finally:
            self._connections.discard(socket)
            client.gone()
            leave()
            self._meter.add(WS_DISCONNECTED, 1, str(socket.close_code or 1006))

    def _head(self) -> bytes:
        """The response's head; its end is the connection's."""
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("X-Accel-Buffering", "no")
        self.set_header("Connection", "close")
        lines = [f"{name}: {value}" for name, value in self._headers.get_all()]
        return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode("latin-1")


def _with_own_topic(topics: Sequence[TopicName], identity: Identity) -> list[TopicName]:
    """Every connection is subscribed to ``user:<sub>`` where that makes a topic's name."""
    try:
        own = publishable_topic(f"user:{identity.user}")
    except ProtocolError:
        return list(topics)
    return list(dict.fromkeys([*topics, own]))


def _subscribe(topics: dict[TopicName, Seq | None]) -> str:
    """The request that a WebSocket client would send."""
    asked = {topic: {} if since is None else {"since": since} for topic, since in topics.items()}
    fields = {"v": VERSION, "id": new_trace_id(), "topic": SYSTEM, "type": "subscribe", "data": {"topics": asked}}
    return encode(fields).decode()
