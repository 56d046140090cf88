"""What a client may ask, and how each request is answered: by exactly one frame whose ``re`` is its id."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any, assert_never

from actors.client_subscriptions import ClientSubscriptions
from actors.directory import TopicDirectory
from actors.ports import Bus, BusUnavailable, Clock, Identify, Placed
from actors.protocol.codes import CloseCode, ErrorCode, Refusal
from actors.protocol.envelope import ProtocolError, TopicName, TraceId
from actors.protocol.messages import (
    Command,
    Pong,
    Publish,
    Renew,
    Subscribe,
    Unsubscribe,
    command_from,
    request_id_of,
)
from actors.protocol.permissions import Identity
from actors.replies import Replies
from actors.runtime.task_end import end_of
from actors.session import BAD_FRAMES_MAX, ClientSession, ClientSettings, Inbound
from actors.telemetry import Telemetry

__all__ = ["ClientCommands", "ClientServices", "PublishDone", "RenewalDone"]

log = logging.getLogger("fanwire.clients")

_FAILED = Refusal(ErrorCode.INTERNAL, "the gateway failed on this request")


@dataclass(frozen=True, slots=True)
class ClientServices:
    """What every client's actor works with."""

    telemetry: Telemetry
    directory: TopicDirectory
    bus: Bus
    clock: Clock
    identify: Identify
    settings: ClientSettings


@dataclass(frozen=True, slots=True)
class PublishDone:
    """The bus has answered a client's publish."""

    id: TraceId
    topic: TopicName
    outcome: Placed | Refusal


@dataclass(frozen=True, slots=True)
class RenewalDone:
    """A client's new token has been looked at."""

    id: TraceId
    outcome: Identity | Refusal


class ClientCommands:
    """Answers one frame at a time; what takes longer comes back as a control message of the same mailbox."""

    def __init__(self, session: ClientSession, services: ClientServices) -> None:
        self._session = session
        self._services = services
        self.replies = Replies(session, services.settings, services.clock, services.bus.epoch)
        self.subscriptions = ClientSubscriptions(session, services.directory, self.replies, services.settings.topics)

    def handle(self, inbound: Inbound) -> CloseCode | None:
        """Act on a client's frame. Returns the code to close with where the client has gone too far."""
        self._session.reader = inbound
        if not self._session.rate.take(self._services.clock.monotonic()):
            self._slow_down(inbound)
            return None
        try:
            command = command_from(inbound.text, self._services.clock.time())
        except ProtocolError as flaw:
            return self._refuse_frame(inbound.text, flaw)
        self._dispatch(command)
        return None

    def take_publish(self, done: PublishDone) -> None:
        if isinstance(done.outcome, Refusal):
            self.replies.refuse(done.outcome, done.id, done.topic)
            return
        placed = done.outcome
        data = {"topic": done.topic, "seq": placed.seq, "prev": placed.prev, "duplicate": placed.duplicate}
        self.replies.answer("published", data, done.id)

    def take_renewal(self, done: RenewalDone) -> None:
        """The new identity holds from now on."""
        session, outcome = self._session, done.outcome
        if isinstance(outcome, Identity) and outcome.user != session.identity.user:
            outcome = Refusal(ErrorCode.FORBIDDEN, "token: sub must stay the same on one connection")
        if isinstance(outcome, Refusal):
            self.replies.refuse(outcome, done.id)
            return
        session.renew(outcome, self._services.clock)
        self.replies.hello(done.id)
        self.subscriptions.leave_forbidden()
        session.let_reader_go_on()

    def fail(self) -> None:
        """The actor failed while it answered a frame: it is answered all the same."""
        self.subscriptions.abandon()
        if self._session.reader is not None:
            self.replies.refuse(_FAILED, request_id_of(self._session.reader.text))

    def _dispatch(self, command: Command) -> None:
        match command:
            case Subscribe():
                self.subscriptions.subscribe(command)
            case Unsubscribe():
                self.subscriptions.unsubscribe(command)
            case Publish():
                self._publish(command)
            case Renew():
                self._in_background(self._renew(command), command.id)
            case Pong():
                self._acknowledge(command)
            case _:
                assert_never(command)

    def _publish(self, command: Publish) -> None:
        topic = command.envelope.topic
        if not self._session.identity.may_publish(topic):
            rule = "topic: your token's publish list does not match it"
            self.replies.refuse(Refusal(ErrorCode.FORBIDDEN, rule), command.id, topic)
            return
        self._tell_accepted(command)
        try:
            placed = self._services.bus.publish(command.envelope, deduplicate=True)
        except BusUnavailable as refused:
            placed_or_refused: Placed | Refusal = Refusal(ErrorCode.OVERLOADED, str(refused))
        else:
            if not isinstance(placed, Placed):
                self._in_background(self._store(command, placed), command.id)
                return
            placed_or_refused = placed
        self.take_publish(PublishDone(command.id, topic, placed_or_refused))

    def _tell_accepted(self, command: Publish) -> None:
        packets, envelope = self._services.telemetry.packets, command.envelope
        if packets.tells(envelope.id):
            session = self._session
            by = {"client": session.client_id, "user": session.identity.user}
            packets.tell("accepted", envelope.id, envelope.topic, type=envelope.type, **by)

    async def _store(self, command: Publish, placing: Awaitable[Placed]) -> None:
        outcome: Placed | Refusal
        try:
            outcome = await placing
        except BusUnavailable as refused:
            outcome = Refusal(ErrorCode.OVERLOADED, str(refused))
        self._session.mailbox.control(PublishDone(command.id, command.envelope.topic, outcome))

    async def _renew(self, command: Renew) -> None:
        outcome = await self._services.identify(command.token)
        self._session.mailbox.control(RenewalDone(command.id, outcome))

    def _in_background(self, work: Coroutine[Any, Any, None], request_id: TraceId) -> None:
        """Run what awaits beside the actor's turns: a bus that hangs must not stop the mailbox from draining."""
        task = self._session.background = asyncio.ensure_future(end_of(work))
        task.add_done_callback(lambda ended: self._background_ended(ended, request_id))

    def _background_ended(self, task: "asyncio.Task[BaseException | None]", request_id: TraceId) -> None:
        self._session.background = None
        failure = asyncio.CancelledError() if task.cancelled() else task.exception() or task.result()
        if failure is not None:
            log.error(
                "answering a request failed",
                exc_info=failure,
                extra={"client": self._session.client_id, "trace_id": request_id},
            )
            self.replies.refuse(_FAILED, request_id)

    def _acknowledge(self, pong: Pong) -> None:
        """The ACK: a hint for people and metrics, of the topics that this client has."""
        topics, packets = self._session.topics, self._services.telemetry.packets
        for name, last in pong.seen.items():
            topic = TopicName(name)
            if topic not in topics:
                continue
            seq = self._services.directory.position_of(topic, TraceId(last))
            if seq is not None:
                self._session.acknowledged[topic] = seq
                if packets.tells(TraceId(last)):
                    packets.tell("acked", TraceId(last), topic, seq=seq, client=self._session.client_id)
        self._session.let_reader_go_on()

    def _refuse_frame(self, text: str, flaw: ProtocolError) -> CloseCode | None:
        self._session.bad_frames += 1
        self.replies.refuse(Refusal(flaw.code, str(flaw)), request_id_of(text))
        return CloseCode.PROTOCOL_VIOLATION if self._session.bad_frames >= BAD_FRAMES_MAX else None

    def _slow_down(self, inbound: Inbound) -> None:
        """Refuse, and read nothing more until the next frame would be taken: a flood waits in its own TCP."""
        limit = self._services.settings.messages_per_s
        refusal = Refusal(ErrorCode.RATE_LIMITED, f"client_messages_per_s: at most {limit:g} frames a second")
        self.replies.say("error", refusal.as_data(), request_id_of(inbound.text))
        self._services.clock.call_later(self._session.rate.wait_s(), self._session.let_reader_go_on)
