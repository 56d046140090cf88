"""ClientActor: one browser's session. Answers its frames, keeps its heartbeat, drains its mailbox."""

import logging
from typing import Any

from actors.backlog import Batch, Lost
from actors.client_commands import ClientCommands, ClientServices, PublishDone, RenewalDone
from actors.client_mailbox import ClientMailbox
from actors.client_signals import Broken, Overflowed, SlowEpisode, SocketLost, Stalled, Underserved, Writable
from actors.delivery import Delivery
from actors.metrics import ACTOR_MAILBOX_WAIT, WS_PUBLISH_TO_SOCKET, WS_SENT_MESSAGES, WS_SLOW_EPISODES
from actors.protocol.codes import CloseCode
from actors.runtime.loop_actor import LoopActor
from actors.session import ClientSession, Inbound
from actors.topic_requests import Joined, Left, NotServed, Refill

__all__ = ["DEPARTURE", "AnnounceReconnect", "ClientActor", "HangUp", "Leave", "Tick"]

LATE_S = 1.0  # a heartbeat that is checked later than that says more of the gateway than of the client
DRAIN_BYTES = 64 * 1024  # one write while draining: few system calls, and never far over the socket's buffer

log = logging.getLogger("fanwire.clients")


class HangUp:
    """Close the connection: the gateway's decision, such as a shutdown."""

    __slots__ = ("code", "reason")

    def __init__(self, code: CloseCode, reason: str) -> None:
        self.code = code
        self.reason = reason


DEPARTURE = HangUp(CloseCode.RESTART, "the gateway restarts: come back and resume")
"""How every client of a worker that stops is closed."""


class AnnounceReconnect:
    """The gateway is about to restart: come back ``after_ms`` milliseconds from now."""

    __slots__ = ("after_ms",)

    def __init__(self, after_ms: int) -> None:
        self.after_ms = after_ms


class Leave:
    """The client's turn to go: it is closed when its mailbox is empty."""


class Tick:
    """The next moment has come at which the client may be due a ping, or be gone; ``due`` in monotonic seconds."""

    __slots__ = ("due",)

    def __init__(self, due: float) -> None:
        self.due = due


class ClientActor(LoopActor[ClientMailbox]):
    """Handles one control message at a time; deliveries pass it by while the short cut is open."""

    def __init__(self, session: ClientSession, services: ClientServices) -> None:
        super().__init__(session.mailbox)
        self._session = session
        self._services = services
        self._commands = ClientCommands(session, services)

    def on_start(self) -> None:
        if not self._session.greeted:
            self._session.greeted = True
            self._commands.replies.hello()
            self._commands.subscriptions.join_own_topic()
        self._set_timer()

    def on_receive(self, message: object) -> None:
        match message:
            case Writable():
                self._drain()
                self._leave_if_flushed()
            case Inbound():
                self._read(message)
            case Joined() | Left() | NotServed():
                self._take_answer(message)
            case PublishDone():
                self._commands.take_publish(message)
            case RenewalDone():
                self._commands.take_renewal(message)
                self._set_timer()
            case Tick():
                self._tick(message.due)
            case SlowEpisode():
                self._report_slowness(message)
            case Overflowed():
                self._close(CloseCode.SLOW_CONSUMER, "slow consumer: the mailbox is full; resume with since")
            case Stalled():
                self._close(CloseCode.SLOW_CONSUMER, "slow consumer: a write stalled too long; resume with since")
            case Broken():
                self._report_breakage(message)
                self._close(CloseCode.LOST_PLACE, "the gateway failed on this client's mailbox: resume with since")
            case Underserved():
                self._close(CloseCode.TRY_AGAIN_LATER, "a topic cannot be served right now: come back")
            case SocketLost():
                self._close(CloseCode.GOING_AWAY, "connection lost")
            case AnnounceReconnect():
                self._commands.replies.say("reconnect", {"after_ms": message.after_ms, "reason": "drain"})
            case Leave():
                self._session.leaving = True
                self._drain()
                self._leave_if_flushed()
            case HangUp():
                self._close(message.code, message.reason)
            case _:
                super().on_receive(message)

    def on_stop(self) -> None:
        """The connection is over, whoever ended it: nobody may wait for this session any longer."""
        self._session.closed = True
        self._session.hang_up(CloseCode.RESTART, "the gateway restarts a part of itself: come back and resume")
        self.mailbox.close()
        self._commands.subscriptions.leave_everything()
        self._session.let_reader_go_on()
        while (message := self.mailbox.take()) is not None:
            if isinstance(message, Inbound):
                message.let_go()

    def on_failure(self, exception_type: object, exception_value: Any, traceback: object) -> None:
        """The session goes on with the next incarnation; only the request that failed is refused."""
        if isinstance(self._message, Inbound) and self._session.reader is None:
            self._session.reader = self._message  # it failed before anybody had looked at it
        if isinstance(self._message, Inbound | Joined | Left | NotServed | PublishDone | RenewalDone):
            self._commands.fail()
        if isinstance(self._message, Writable):
            self.mailbox.broken(exception_value)

    def _read(self, inbound: Inbound) -> None:
        code = self._commands.handle(inbound)
        if code is not None:
            self._close(code, "protocol violation: too many bad frames")

    def _take_answer(self, answer: Joined | Left | NotServed) -> None:
        if not self._commands.subscriptions.take_answer(answer):
            self._close(CloseCode.LOST_PLACE, "the gateway lost its place in a topic: resume with since")

    def _drain(self) -> None:
        """Write what waits, joined, until nothing does or the socket is full; then ask for what was deferred."""
        session = self._session
        while not session.socket.blocked:
            batch = self.mailbox.take_batch(DRAIN_BYTES)
            if not batch.items:
                break
            session.socket.write(b"".join([self._frame_of(item) for item in batch.items]))
            self._measure(batch)
        for topic in self.mailbox.take_refills():
            mailbox = self._services.directory.find(topic)
            if mailbox is not None:
                mailbox.control(Refill(self.mailbox))

    def _leave_if_flushed(self) -> None:
        """What the kernel has yet to take goes out before the close frame; what history has is asked for again."""
        if self._session.leaving and self.mailbox.depth == 0:
            self._close(DEPARTURE.code, DEPARTURE.reason)

    def _frame_of(self, item: Delivery | Lost) -> bytes:
        if isinstance(item, Delivery):
            return self._session.framing.message(item)
        return self._commands.replies.gap_frame(item)

    def _measure(self, batch: Batch) -> None:
        """What history gave was written as well, but did not come just now: it says nothing of how fast we are."""
        telemetry, now = self._services.telemetry, self._services.clock.monotonic()
        for delivery in batch.items:
            if isinstance(delivery, Delivery):
                telemetry.meter.add(WS_SENT_MESSAGES)
                delivery.trace.written += 1
                delivery.trace.last_written = now
                if delivery.trace.is_told:
                    client = self._session.client_id
                    telemetry.packets.tell("written", delivery.id, delivery.topic, seq=delivery.seq, client=client)
        for delivery in batch.live:
            telemetry.meter.observe(WS_PUBLISH_TO_SOCKET, now - delivery.trace.received)
            telemetry.meter.observe(ACTOR_MAILBOX_WAIT, now - (delivery.trace.fanned_out or now), label="client")

    def _report_breakage(self, broken: Broken) -> None:
        log.error(
            "a client's mailbox failed: %s",
            type(broken.failure).__name__,
            exc_info=broken.failure,
            extra={"client": self._session.client_id, "user": self._session.identity.user},
        )

    def _report_slowness(self, episode: SlowEpisode) -> None:
        """One line per slow episode; it ends when the mailbox is empty again."""
        session = self._session
        self._services.telemetry.meter.add(WS_SLOW_EPISODES, 1, episode.policy)
        log.info(
            "slow client",
            extra={
                "client": session.client_id,
                "user": session.identity.user,
                "topics": ",".join(episode.topics),
                "depth": episode.depth,
                "policy": episode.policy.value,
            },
        )

    def _tick(self, due: float) -> None:
        session, settings, now = self._session, self._services.settings, self._services.clock.monotonic()
        if session.expires is not None and now >= session.expires:
            self._close(CloseCode.UNAUTHORIZED, "token expired: connect with a new one")
        elif now - session.last_heard < settings.heartbeat_timeout_s:
            if now >= session.next_ping:
                session.next_ping = now + (session.framing.heartbeat_s or settings.heartbeat_interval_s)
                self._ping()
            self._set_timer()
        elif now - due > LATE_S:
            # The gateway itself was away: what the client said meanwhile has yet to be read, and it was asked nothing.
            self._ping()
            self.set_reminder(self._services.clock, LATE_S, Tick(now + LATE_S))
        else:
            self._close(CloseCode.NO_SIGN_OF_LIFE, f"no sign of life for {settings.heartbeat_timeout_s:g} s")

    def _ping(self) -> None:
        directory, mailbox = self._services.directory, self.mailbox
        data = {
            "seen": {topic: directory.top(topic) for topic in self._session.topics},
            "mailbox": {"depth": mailbox.depth, "high_water": mailbox.high_water, "dropped": mailbox.dropped},
        }
        self._commands.replies.ping(data)

    def _set_timer(self) -> None:
        """One timer for the three things that time alone brings: a ping, silence, the token's end."""
        session, clock = self._session, self._services.clock
        due = min(session.next_ping, session.last_heard + self._services.settings.heartbeat_timeout_s)
        if session.expires is not None:
            due = min(due, session.expires)
        self.set_reminder(clock, max(0.0, due - clock.monotonic()), Tick(due))

    def _close(self, code: CloseCode, reason: str) -> None:
        session = self._session
        log.info(
            "client closed: %s",
            reason,
            extra={"client": session.client_id, "user": session.identity.user, "code": int(code)},
        )
        session.hang_up(code, reason)
        self.end()
