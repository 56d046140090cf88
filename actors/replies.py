"""What the gateway says to one client on the control topic, straight to its socket and ahead of waiting data."""

from collections.abc import Mapping

from actors.backlog import Lost
from actors.ports import Clock
from actors.protocol.codes import Refusal
from actors.protocol.envelope import TraceId
from actors.session import ClientSession, ClientSettings

__all__ = ["Replies"]


class Replies:
    """``answer`` and ``refuse`` end a request: the client's next frame is read afterwards."""

    def __init__(self, session: ClientSession, settings: ClientSettings, clock: Clock, epoch: str | None) -> None:
        self._session = session
        self._settings = settings
        self._clock = clock
        self._epoch = epoch

    def say(self, kind: str, data: Mapping[str, object], re: TraceId | None = None) -> None:
        self._session.socket.write(self._session.framing.control(kind, data, self._clock.time(), re))

    def answer(self, kind: str, data: Mapping[str, object], re: TraceId | None) -> None:
        self.say(kind, data, re)
        self._session.let_reader_go_on()

    def refuse(self, refusal: Refusal, re: TraceId | None, topic: str | None = None) -> None:
        data = refusal.as_data() if topic is None else {**refusal.as_data(), "topic": topic}
        self.answer("error", data, re)

    def hello(self, re: TraceId | None = None) -> None:
        """The first frame of a connection, and the answer to a renewed token."""
        session, settings = self._session, self._settings
        hello = {
            "client": session.client_id,
            "user": session.identity.user,
            "heartbeat_s": session.framing.heartbeat_s or settings.heartbeat_interval_s,
            "mailbox": {"messages": settings.mailbox_messages, "bytes": settings.mailbox_bytes},
            "expires_at": session.identity.expires_at,
            "reconnect_jitter_ms": settings.reconnect_jitter_ms,
            "epoch": self._epoch,
        }
        self.say("hello", hello, re)

    def ping(self, data: Mapping[str, object]) -> None:
        """The heartbeat: it costs the client an answer where the transport can carry one."""
        self._session.socket.write(self._session.framing.heartbeat(data, self._clock.time()))

    def gap_frame(self, lost: Lost) -> bytes:
        """To be written in the place of what was lost."""
        data = {
            "topic": lost.topic,
            "from": lost.after,
            "to": lost.to,
            "dropped": lost.dropped,
            "reason": "history" if lost.dropped is None else "overflow",
        }
        return self._session.framing.control("gap", data, self._clock.time())
