"""TopicActor: one topic's subscribers, its history, and the fan-out of what is published to it."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence

from actors.client_mailbox import ClientMailbox
from actors.delivery import Delivery
from actors.metrics import ACTOR_MAILBOX_WAIT, WS_RECOVER, WS_REPLAYED_MESSAGES
from actors.ports import BusUnavailable, Clock
from actors.protocol.envelope import Seq
from actors.protocol.messages import EARLIEST, Since
from actors.round import Round
from actors.runtime.loop_actor import LoopActor
from actors.telemetry import Telemetry
from actors.topic_page import Page, Read, page_of
from actors.topic_past import load_into
from actors.topic_requests import CaughtUp, Idle, Join, Joined, Leave, Left, LoseItsPlace, NotServed, Refill
from actors.topic_state import TopicMailbox, TopicState

__all__ = ["LOAD_S", "TopicActor"]

SLICE = 250  # recipients between two turns of the loop; larger slices join fewer publishes
JOIN_MESSAGES = 64
IDLE_CHECK_S = 30.0
LOAD_S = 5.0

log = logging.getLogger("fanwire.topics")


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
        if isinstance(self._message, Join | Leave | Refill | Read):
            self._refuse(self._message)

    def take_up(self) -> Awaitable[object] | None:
        """Who was not served yet when the last incarnation failed is served now."""
        state = self._state
        if not state.is_loaded:
            return self._load()
        if state.catch_up is not None and state.catch_up.next() is not None:
            state.mailbox.control(CaughtUp())
        return self._fan_out() if state.round or state.kept else None

    def on_receive(self, message: object) -> Awaitable[object] | None:
        match message:
            case Delivery():
                return self._publish(message)
            case Join():
                self._ask_or_answer(message)
            case Leave():
                self._leave(message)
            case Refill():
                self._refill(message.client)
            case Read():
                return self._read(message)
            case CaughtUp():
                return self._answer_caught_up()
            case LoseItsPlace():
                return self._begin_anew()
            case Idle():
                self._retire_if_idle()
            case _:
                return super().on_receive(message)
        return None

    async def _load(self) -> None:
        """Begin with what the bus has. Where it cannot say, nobody is told that there is nothing: all come back."""
        state = self._state
        assert state.source is not None
        try:
            async with asyncio.timeout(LOAD_S):
                past = await state.source.load()
        except (BusUnavailable, TimeoutError) as why:
            rule = str(why) or f"no answer in {LOAD_S:g} s"
            log.info("a topic could not be loaded: %s", rule, extra={"topic": state.name})
            state.turn_away()
            self.end()
            return
        load_into(state, past, self._clock)
        for request in [] if state.catch_up is None else state.catch_up.take_all():
            self._answer(request)

    def _begin_anew(self) -> Awaitable[object]:
        """What was delivered and what is stored have parted: subscribers come back, and are told what they lost."""
        state = self._state
        state.dismiss_subscribers()
        self._recipients = None
        state.undelivered()
        state.is_loaded = False
        return self._load()

    async def _answer_caught_up(self) -> None:
        """Whoever waited for the bus, behind all that it had stored; this actor is held meanwhile: order stays."""
        catch_up, history = self._state.catch_up, self._state.history
        while catch_up is not None and (caught := catch_up.next()) is not None:
            if caught.up_to is None:
                self._refuse(catch_up.take_next())
            elif history.top < caught.up_to and (waiting := self.mailbox.take_data()) is not None:
                self._message = waiting
                await (self._publish(waiting) or asyncio.sleep(0))
            else:
                self._answer(catch_up.take_next())

    def _answer(self, request: Join | Read) -> None:
        """Decide by what is here now."""
        self._message = request
        if isinstance(request, Join):
            self._join(request)
        else:
            request.reply(self._page_for(request))

    def _refuse(self, request: Join | Leave | Refill | Read) -> None:
        if isinstance(request, Read):
            request.reply(None)
            return
        self._state.subscribers.pop(request.client, None)
        self._recipients = None
        request.client.control(NotServed(self._state.name))

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

    def _ask_or_answer(self, join: Join) -> None:
        """A position that is unknown here may be one that another worker has given a moment ago."""
        catch_up = self._state.catch_up
        if catch_up is None or self._count_since(join.since) is not None:
            self._join(join)
        else:
            catch_up.ask(join)

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
        elif state.finals:
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
        if state.history.top < read.stored and state.catch_up is not None:
            state.catch_up.ask(read)
        else:
            read.reply(self._page_for(read))
        return None

    def _page_for(self, read: Read) -> Page:
        self._state.history.expire(self._clock.monotonic())
        return page_of(self._state.history, read.after, read.limit)

    def _leave(self, leave: Leave) -> None:
        state = self._state
        state.subscribers.pop(leave.client, None)
        self._recipients = None
        if state.catch_up is not None:
            state.catch_up.forget(lambda request: isinstance(request, Join) and request.client is leave.client)
        if leave.answer:
            leave.client.control(Left(state.name))
        if not state.subscribers:
            state.deserted_at = self._clock.monotonic()
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
        # What waits to be fanned out to nobody is stored where there is a source.
        waiting = len(state.mailbox) - (state.mailbox.depth if state.source is not None else 0)
        if self._is_worth_keeping() or waiting or state.catch_up:
            self._watch_for_idleness()
        else:
            self.end()

    def _is_worth_keeping(self) -> bool:
        """A history that the bus has as well is a cache for those who come back soon, and no longer than that."""
        state = self._state
        if state.source is not None and self._clock.monotonic() - state.deserted_at > state.history.ttl_s:
            return False
        return len(state.history) > 0
