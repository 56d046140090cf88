"""A client of the gateway: connects, comes back, misbehaves, and says things. What it expects is the harness's.

It joins a ``Connection`` for the bytes and a ``Conversation`` for what was said. Owns what this client wants: its
topics and its token.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from actors.protocol.envelope import new_trace_id
from server.testing.connection import Connection
from server.testing.conversation import Conversation
from server.testing.dialect import Closed
from server.testing.expectations import Frame, Wanted
from server.testing.failure import ConnectionRefused, ExpectationFailed
from server.testing.target import Reachable, Startable, address_of, cursor_at, events_dialect, websocket_dialect

__all__ = ["Client", "Since", "Topics", "Transport"]

TIMEOUT_S = 2.0
LEAVE_S = 1.0
Since = int | str
Transport = Literal["websocket", "sse"]
Topics = Sequence[str] | Mapping[str, Since | None]


class Client:
    """One browser tab, as a context: connected and subscribed to ``topics`` before the body runs.

    ``gateway``: a base URL, or a gateway of ``server.testing``. ``topics``: names, or a mapping from each name to the
    position (``seq``, message id or ``"earliest"``) to begin at. ``transport="sse"``: the same over ``/api/events``.
    ``timeout``: seconds that any wait lasts at most, unless it says otherwise. ``receive_buffer``: bytes that the
    kernel takes in although this client does not read (it doubles the number), for tests of slow clients.
    ``joined`` has what the gateway said of each of them when this client connected last.
    ``answers``: whether it answers heartbeats, the protocol's own pings too.

    A failing body gets the transcript as a note.
    """

    def __init__(
        self,
        gateway: str | Reachable | Startable,
        token: str | None = None,
        *,
        topics: Topics = (),
        transport: Transport = "websocket",
        timeout: float = TIMEOUT_S,
        receive_buffer: int | None = None,
        answers: bool = True,
    ) -> None:
        self._gateway = gateway
        self._token = token
        self._topics: dict[str, Since | None] = dict(topics if isinstance(topics, Mapping) else dict.fromkeys(topics))
        self._transport = transport
        self._timeout = timeout
        self._receive_buffer = receive_buffer
        self._answers = answers
        self._connection: Connection | None = None
        self.joined: dict[str, Any] = {}
        self._talk = Conversation(self._answer)

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, ExpectationFailed):
            error.add_note(self._talk.story)
        await self._leave()

    @property
    def hello(self) -> Any:
        """The data of the gateway's first frame."""
        return None if self._talk.hello is None else self._talk.hello["data"]

    @property
    def positions(self) -> dict[str, int]:
        """Where this client is in each of its topics: the ``seq`` from which it would resume."""
        return dict(self._talk.positions.seqs)

    @property
    def gaps(self) -> list[str]:
        """Every gap so far, told by the gateway or found in the chain, as a sentence."""
        return list(self._talk.positions.gaps)

    @property
    def received(self) -> list[Frame]:
        """Every frame that came, on all connections. Raises: OverflowError beyond the 20,000 that are kept."""
        return list(self._talk.transcript.frames())

    @property
    def transcript(self) -> str:
        """What happened so far, a line for each thing; what failures print."""
        return self._talk.story

    @property
    def closed(self) -> Closed | None:
        """How the connection ended, if it has and this client has read so far."""
        return self._talk.closed

    # --- the connection ---

    async def connect(self) -> dict[str, Any]:
        """Connect, and subscribe to every topic from where this client is; what the gateway answered.

        Raises: ConnectionRefused, or ExpectationFailed where it took too long or a topic was refused.
        """
        address = await address_of(self._gateway)
        # The end of an old connection is not to be taken for that of the new one.
        await self._leave()
        self._talk.begin(f"connecting to {address.http_url} by {self._transport}")
        if self._transport == "sse":
            self._first_cursor()
            dialect = events_dialect(address, self._token, list(self._topics), self._talk.cursor)
        else:
            dialect = websocket_dialect(address, self._token, answers_pings=self._answers)
        self._connection = Connection(dialect, self._talk.take)
        try:
            async with asyncio.timeout(self._timeout):
                await self._connection.open(address.host, address.port, address.tls, self._receive_buffer)
        except (OSError, TimeoutError) as error:
            self._talk.fail(f"a gateway at {address.http_url}", f"nobody could be reached: {error!r}")
        await self._let_in()
        self.joined = await self._join(self._topics)
        return self.joined

    async def resume(
        self, *, at: str | Reachable | Startable | None = None, lost: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Come back after ``drop``, or after the gateway closed; every topic is asked for from its position.

        ``at``: another gateway than before, as behind a load balancer. ``lost``: topics whose position the gateway is
        not to know any more, as after a failover: they are asked for from one that it never gave.
        """
        self._gateway = at or self._gateway
        if self._talk.closed is None and self._talk.why_deaf is None:
            self._talk.fail("a connection that has ended, to resume from", "it is still there: drop() comes first")
        self._lose(lost)
        return await self.connect()

    async def expect_refused(self, code: int | None = None, *, timeout: float | None = None) -> ConnectionRefused:
        """Try to connect, and be refused (with that close code, or HTTP status of a stream)."""
        self._timeout = self._timeout if timeout is None else timeout
        try:
            await self.connect()
        except ConnectionRefused as refused:
            if code not in (None, refused.code):
                self._talk.fail(f"to be refused with {code}", f"it was {refused.code} {refused.reason}")
            return refused
        else:
            self._talk.fail("to be refused", "the gateway let this client in")
        finally:
            await self._leave()

    def drop(self) -> None:
        """Cut the connection off (RST), as a network does; nothing is read any more."""
        self._open().cut_off()
        self._talk.why_deaf = "the test has dropped the connection: resume() comes first"
        self._talk.event("dropped by the test")

    def stall(self) -> None:
        """Stop reading, as a tab does that hangs: what comes waits in the kernels, then in the gateway's mailbox."""
        self._open().stall()
        self._talk.why_deaf = "the test has stalled this client: unstall() comes first"
        self._talk.event("stalled by the test")

    def unstall(self) -> None:
        """Read again."""
        self._talk.why_deaf = None
        self._talk.event("reads again")
        self._open().unstall()

    async def raw(self, data: bytes) -> None:
        """Send exactly these bytes on the connection (``server.testing.websocket_frames`` makes hostile ones)."""
        self._talk.sent_raw(data)
        self._open().send(data)

    # --- what this client says ---

    async def send(self, frame: Frame | str) -> None:
        """Send one text frame: an envelope, or text as it stands. Nobody waits for an answer."""
        self._talk.sent(frame if isinstance(frame, dict) else {"topic": "(text)", "type": "", "data": frame})
        self._open().send_text(frame if isinstance(frame, str) else json.dumps(frame))

    async def ask(self, type: str, data: object, *, topic: str = "system", **more: object) -> Frame:
        """Send an envelope and return the frame that answers it, be it ``error``."""
        request = {"v": 1, "id": new_trace_id(), "topic": topic, "type": type, "data": data, **more}
        name = str(request["id"])
        self._talk.will_be_answered(name)
        await self.send(request)
        return await self._talk.until(lambda: self._talk.reply_to(name), f"an answer to {type}", self._timeout)

    async def publish(self, topic: str, type: str, data: object = None, **more: object) -> dict[str, Any]:
        """Publish as this client, whose token has to allow it; ``topic``, ``seq``, ``prev`` and ``duplicate``.

        ``more``: ``id``, ``key``. Raises: ExpectationFailed where it was refused.
        """
        answer = await self.ask(type, {} if data is None else data, topic=topic, **more)
        return self._granted("published", answer)

    async def subscribe(self, *topics: str, since: Since | None = None) -> dict[str, Any]:
        """Follow further topics, from ``since`` or from now on; what the gateway says of each.

        Raises: ExpectationFailed where one is refused.
        """
        for topic in topics:
            self._talk.positions.leave(topic)
        wanted = dict.fromkeys(topics, since)
        self._topics |= wanted
        return await self._join(wanted)

    async def unsubscribe(self, *topics: str) -> None:
        """Raises: ExpectationFailed where it is not confirmed."""
        self._granted("unsubscribed", await self.ask("unsubscribe", {"topics": list(topics)}))
        for topic in topics:
            self._talk.positions.leave(topic)
            self._topics.pop(topic, None)

    # --- within ---

    async def _let_in(self) -> None:
        """Raises: ConnectionRefused."""

        def greeted() -> bool | None:
            self._talk.refuse_if_turned_away()
            return True if self._talk.hello is not None else None

        await self._talk.until(greeted, "hello, the gateway's first frame,", self._timeout, of_end=True)

    async def _join(self, topics: Mapping[str, Since | None]) -> dict[str, Any]:
        if self._transport == "sse":
            wanted = Wanted("subscribed", "system")
            answer = await self._talk.until(lambda: self._talk.inbox.find(wanted), str(wanted), self._timeout)
            self._talk.inbox.take_this(answer)
        elif topics:
            answer = await self.ask("subscribe", {"topics": self._talk.positions.since(topics)})
        else:
            return {}
        told = self._granted("subscribed", answer)
        if told["refused"]:
            self._talk.fail(f"to be subscribed to {', '.join(topics)}", f"the gateway refused {told['refused']}")
        joined: dict[str, Any] = told["topics"]
        return joined

    def _granted(self, wanted: str, answer: Frame) -> dict[str, Any]:
        if answer["type"] != wanted:
            self._talk.fail(wanted, f"the gateway answered {answer['type']}: {answer['data']}")
        data: dict[str, Any] = answer["data"]
        return data

    def _first_cursor(self) -> None:
        """A stream resumes by its cursor; at the beginning there is none yet, so one is made."""
        named = {topic: since for topic, since in self._topics.items() if since is not None}
        if not self._talk.cursor and named:
            if not all(isinstance(since, int) for since in named.values()):
                raise ValueError("over sse a topic can begin only at a seq")
            self._talk.cursor = cursor_at(list(self._topics), {t: int(s) for t, s in named.items()}, self._token)
            self._talk.positions.seqs |= {topic: int(since) for topic, since in named.items()}

    def _lose(self, topics: Sequence[str]) -> None:
        for topic in topics:
            self._talk.positions.lose(topic)
        if topics and self._transport == "sse":
            self._talk.cursor = cursor_at(list(self._topics), self.positions, self._token)

    def _answer(self, frame: Frame) -> None:
        """What a browser's client says by itself."""
        if self._answers and frame["type"] == "ping" and frame["topic"] == "system" and self._transport != "sse":
            pong = {"v": 1, "id": new_trace_id(), "topic": "system", "type": "pong"}
            pong["data"] = {"seen": self._talk.positions.last_ids}
            self._talk.sent(pong)
            self._open().send_text(json.dumps(pong))

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("not connected yet: async with WsHarness(…) as ws: comes first")
        return self._connection

    async def _leave(self) -> None:
        if self._connection is not None:
            self._connection.hang_up()
            await self._connection.until_gone(LEAVE_S)
