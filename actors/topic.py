"""TopicActor: one topic's subscribers, its history, and the fan-out of what is published to it."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

from actors.client_mailbox import ClientMailbox
from actors.delivery import Delivery
from actors.history import History
from actors.metrics import ACTOR_MAILBOX_WAIT, WS_RECOVER, WS_REPLAYED_MESSAGES
from actors.ports import Clock
from actors.protocol.envelope import Seq, TopicName
from actors.protocol.messages import EARLIEST, Since
from actors.round import Round
from actors.runtime.loop_actor import LoopActor
from actors.runtime.mailbox import Mailbox
from actors.telemetry import Telemetry
from actors.topic_page import Read, page_of

__all__ = ["Idle", "Join", "Joined", "Leave", "Left", "NotServed", "Refill", "TopicActor", "TopicMailbox", "TopicState"]

SLICE = 250  # recipients between two turns of the loop; larger slices join fewer publishes
JOIN_MESSAGES = 64
IDLE_CHECK_S = 30.0

TopicMailbox = Mailbox[Delivery]


@dataclass(frozen=True, slots=True)
class Join:
    """Make ``client`` a subscriber from ``since`` on; answered by Joined in the client's control lane.

    ``automatic``: nobody asked; the client's own request, which may bring a ``since``, is still to come.
    """

    client: ClientMailbox
    since: Since
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """Answered by Left where ``answer`` is set."""

    client: ClientMailbox
    answer: bool


@dataclass(frozen=True, slots=True)
class Refill:
    """``client``'s mailbox has drained: give it what it missed since the position it remembers."""

    client: ClientMailbox


class Idle:
    """Time to see whether anybody still needs this topic."""


@dataclass(frozen=True, slots=True)
class Joined:
    """``recovered`` False: the messages since ``since`` are not to be had, live ones follow ``seq``."""

    topic: TopicName
    seq: Seq
    recovered: bool
    replayed: int
    since: Since


@dataclass(frozen=True, slots=True)
class Left:
    topic: TopicName


@dataclass(frozen=True, slots=True)
class NotServed:
    """The answer to a Join or Leave on which the topic failed."""

    topic: TopicName


@dataclass(slots=True)
class TopicState:
    """What outlives an incarnation of the topic's actor. ``has_finals``: some of its types may never be lost.

    ``subscribers`` has for each its position when it was joined automatically, ``None`` once it has asked itself.
    ``kept`` is what is in the history and not fanned out yet, ``round`` the fan-out under way.
    """

    name: TopicName
    mailbox: TopicMailbox
    history: History
    has_finals: bool = False
    subscribers: dict[ClientMailbox, Seq | None] = field(default_factory=dict)
    kept: list[Delivery] = field(default_factory=list)
    round: Round | None = None

    def undelivered(self) -> list[Delivery]:
        """Take out all that nobody got, where the topic is given up."""
        waiting, self.kept = self.kept, []
        while (delivery := self.mailbox.take_data()) is not None:
            waiting.append(delivery)
        return waiting


class TopicActor(LoopActor[TopicMailbox]):
    """Handles one publish, join or leave at a time; a fan-out to many is one such step, sliced.

    Joining is a single turn (history first, then the list of subscribers), so nothing falls between what is
    replayed and what is live. The topic waits for nobody: every mailbox it offers to answers at once.
    """

    def __init__(self, state: TopicState, clock: Clock, telemetry: Telemetry) -> None:
        super().__init__(state.mailbox)
        self._state = state
        self._clock = clock
        self._telemetry = telemetry
        self._recipients: list[ClientMailbox] | None = None

    def on_start(self) -> None:
        self._watch_for_idleness()

    def on_failure(self, *failure: object) -> None:
        if isinstance(self._message, Join | Leave | Refill):
            self._state.subscribers.pop(self._message.client, None)
            self._message.client.control(NotServed(self._state.name))
        elif isinstance(self._message, Read):
            self._message.reply(None)

    def take_up(self) -> Awaitable[object] | None:
        """Who was not served yet when the last incarnation failed is served now."""
        return self._fan_out() if self._state.round or self._state.kept else None

    def on_receive(self, message: object) -> Awaitable[object] | None:
        match message:
            case Delivery():
                return self._publish(message)
            case Join():
                self._join(message)
            case Leave():
                self._leave(message)
            case Refill():
                self._refill(message.client)
            case Read():
                return self._read(message)
            case Idle():
                self._retire_if_idle()
            case _:
                return super().on_receive(message)
        return None

    def _publish(self, first: Delivery) -> Awaitable[object] | None:
        """Keep and fan out everything that waited; several messages go out as one write per subscriber."""
        now = self._clock.monotonic()
        self._keep(first, now)
        while len(self._state.kept) < JOIN_MESSAGES and (delivery := self.mailbox.take_data()) is not None:
            self._message = delivery  # should it be poison, it is the one that is lost
            self._keep(delivery, now)
        return self._fan_out()

    def _keep(self, delivery: Delivery, now: float) -> None:
        self._telemetry.meter.observe(ACTOR_MAILBOX_WAIT, now - delivery.trace.received, label="topic")
        self._state.history.append(delivery, now)
        self._state.kept.append(delivery)

    def _fan_out(self) -> Awaitable[object] | None:
        """Go on with the round under way, or begin the next one."""
        state = self._state
        if state.round is None:
            if self._recipients is None:
                self._recipients = list(state.subscribers)
            state.round = Round(state.kept, self._recipients, self._telemetry, self._clock)
            state.kept = []
        self._message = state.round  # from here on no single message is to blame
        if state.round.left > SLICE:
            return self._fan_out_in_slices(state.round)
        state.round.serve(SLICE)
        self._end_round(state.round)
        return None

    async def _fan_out_in_slices(self, round: Round) -> None:
        """Let others have the loop between slices; who joins or leaves meanwhile waits in the mailbox."""
        while round.left:
            round.serve(SLICE)
            await asyncio.sleep(0)
        self._end_round(round)

    def _end_round(self, round: Round) -> None:
        self._state.round = None
        round.end()

    def _join(self, join: Join) -> None:
        """History first, then the list of subscribers, in one turn: nothing falls between."""
        state, client = self._state, join.client
        state.history.expire(self._clock.monotonic())
        missed = self._count_missed(join)
        if join.since is not None:
            self._telemetry.meter.add(WS_RECOVER, 1, "lost" if missed is None else "recovered")
        if client not in state.subscribers:
            client.forget_topic(state.name)  # of an earlier subscription, something may have come after its end
        state.subscribers[client] = state.history.top if join.automatic else None
        self._recipients = None
        client.control(Joined(state.name, state.history.top, missed is not None, missed or 0, join.since))
        if missed:
            page = self._page_since(join.since, client)
            client.fall_behind(state.name, page[0].prev)
            self._replay(client, page)

    def _count_missed(self, join: Join) -> int | None:
        """Who joins again has everything, unless the first time was automatic: then ``since`` still counts.

        Where live messages have come since then, older ones can no longer go before them: that is a gap.
        """
        subscribers, top = self._state.subscribers, self._state.history.top
        joined_at = subscribers.get(join.client)
        if join.client not in subscribers or (joined_at is not None and joined_at == top):
            return self._count_since(join.since)
        if joined_at is None or join.since is None:
            return 0
        return 0 if self._count_since(join.since) == 0 else None

    def _count_since(self, since: Since) -> int | None:
        """How many messages a subscriber that returns has missed; ``None`` where that cannot be said."""
        if since is None:
            return 0
        return len(self._state.history) if since == EARLIEST else self._state.history.count_after(since)

    def _page_since(self, since: Since, client: ClientMailbox) -> Sequence[Delivery]:
        """One message more than the client's mailbox takes, so that it never takes a page for the end."""
        history, limit = self._state.history, client.max_messages + 1
        if since is None or since == EARLIEST:
            return history.everything(limit)
        return history.after(since, limit) or ()

    def _refill(self, client: ClientMailbox) -> None:
        """The next page for a client that is behind; with the last page it is live, in this very turn."""
        state = self._state
        position = client.position_of(state.name)
        if position is None or client not in state.subscribers:
            return
        state.history.expire(self._clock.monotonic())
        if state.history.count_after(position) is not None:
            self._replay(client, self._page_since(position, client))
        elif state.has_finals:
            client.overflow(state.name)
        else:
            self._replay(client, self._page_since(EARLIEST, client), lost_after=position)

    def _replay(self, client: ClientMailbox, page: Sequence[Delivery], lost_after: Seq | None = None) -> None:
        taken = client.refill(self._state.name, page, lost_after=lost_after)
        self._telemetry.meter.add(WS_REPLAYED_MESSAGES, taken)

    def _read(self, read: Read) -> Awaitable[object] | None:
        """A page of the history, behind everything that the bus had stored when it was asked for."""
        state = self._state
        if state.history.top < read.stored and (waiting := self.mailbox.take_data()) is not None:
            self.mailbox.control(read)
            self._message = waiting
            return self._publish(waiting)
        state.history.expire(self._clock.monotonic())
        read.reply(page_of(state.history, read.after, read.limit))
        return None

    def _leave(self, leave: Leave) -> None:
        self._state.subscribers.pop(leave.client, None)
        self._recipients = None
        if leave.answer:
            leave.client.control(Left(self._state.name))
        if not self._state.subscribers:
            self._retire_if_idle()

    def _watch_for_idleness(self) -> None:
        delay_s = min(IDLE_CHECK_S, self._state.history.ttl_s or IDLE_CHECK_S)
        self.set_reminder(self._clock, delay_s, Idle())

    def _retire_if_idle(self) -> None:
        self.forget_reminder()
        state = self._state
        if state.subscribers:
            return
        state.history.expire(self._clock.monotonic())
        if len(state.history) or not state.mailbox.empty():
            self._watch_for_idleness()
        else:
            self.end()
