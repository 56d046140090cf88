"""TopicDirectory: from a topic's name to its mailbox. Starts a topic on first use, forgets it once retired."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from actors.delivery import Delivery
from actors.history import History
from actors.ports import Bus, BusUnavailable, Clock, Source, Top
from actors.protocol.envelope import Seq, TopicName, TraceId
from actors.runtime.child_spec import ChildSpec
from actors.runtime.exit import Exit
from actors.runtime.mailbox import Mailbox, Outcome
from actors.runtime.supervisor import Supervisor
from actors.telemetry import Telemetry
from actors.topic import TopicActor
from actors.topic_requests import LoseItsPlace
from actors.topic_state import TopicMailbox, TopicState

__all__ = ["QUARANTINE_S", "TopicDirectory", "TopicSettings"]

QUARANTINE_S = 30.0
MAX_TOPICS = 100_000

log = logging.getLogger("fanwire.topics")


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """What a topic's namespace configures.

    ``max_control``: joins, leaves and refills that may wait at once. ``finals``: types that no policy may lose.
    """

    max_messages: int
    max_control: int
    history_messages: int
    history_ttl_s: float
    finals: frozenset[str] = frozenset()


class TopicDirectory:
    """Owns the table of topics, of which ``max_topics`` may run at once, and the note of those that were offered to.

    ``bus`` is where topics get their past from.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        clock: Clock,
        telemetry: Telemetry,
        settings_of: Callable[[TopicName], TopicSettings],
        bus: Bus,
        max_topics: int = MAX_TOPICS,
    ) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._telemetry = telemetry
        self._settings_of = settings_of
        self._bus = bus
        self._max_topics = max_topics
        self._topics: dict[TopicName, TopicState] = {}
        self._quarantined: dict[TopicName, float] = {}
        self._offered: set[TopicName] = set()  # tidied when somebody looks

    def __len__(self) -> int:
        return len(self._topics)

    def has_room(self, topic: TopicName) -> bool:
        """Whether one more message for ``topic`` would be kept; never of a topic that may not start."""
        state = self._topics.get(topic)
        if state is None:
            return self._may_start(topic)
        return state.mailbox.has_room

    def route(self, delivery: Delivery) -> Outcome:
        """Hot path: one look-up per message. Ask ``has_room`` before a message gets its position."""
        state = self._topics.get(delivery.topic) or self._start_for(delivery)
        self._offered.add(delivery.topic)
        return state.mailbox.offer(delivery)

    def mailbox_of(self, topic: TopicName) -> TopicMailbox | None:
        """Where to send a Join or a Leave; ``None`` while the topic may not start, or has nowhere to get its past."""
        state = self._topics.get(topic)
        if state is None:
            if not self._may_start(topic):
                return None
            try:
                source = self._bus.follow(topic)
            except BusUnavailable:
                return None
            state = self._start(topic, self._bus.top(topic), source)
        return state.mailbox

    def find(self, topic: TopicName) -> TopicMailbox | None:
        """The mailbox of a topic that is running."""
        state = self._topics.get(topic)
        return state.mailbox if state is not None else None

    def states(self) -> Iterable[TopicState]:
        """Every topic that is running: to look at."""
        return self._topics.values()

    def restless(self) -> Sequence[TopicState]:
        """Every topic in whose mailbox a message waits now: to look at."""
        offered = [state for name in self._offered if (state := self._topics.get(name)) is not None]
        restless = [state for state in offered if state.mailbox.depth]
        self._offered.intersection_update([state.name for state in restless])
        return restless

    def position_of(self, topic: TopicName, trace_id: TraceId) -> Seq | None:
        """Where a message stands in a topic that is running, while its history knows."""
        state = self._topics.get(topic)
        return None if state is None else state.history.position_of(trace_id)

    def top(self, topic: TopicName) -> Seq:
        """The position up to which ``topic`` has been fanned out."""
        state = self._topics.get(topic)
        return state.history.top if state is not None else self._bus.top(topic).seq

    def lose_place(self, topic: TopicName) -> None:
        """What the bus has does not follow from what the topic has: it begins anew, and its subscribers come back."""
        state = self._topics.get(topic)
        if state is not None:
            state.mailbox.control(LoseItsPlace())

    def _start_for(self, first: Delivery) -> TopicState:
        """The chain goes by what the message says; the bus adds the id, where it means the same position."""
        top = self._bus.top(first.topic)
        return self._start(first.topic, top if top.seq == first.prev else Top(first.prev), None)

    def _start(self, topic: TopicName, top: Top, source: Source | None) -> TopicState:
        settings = self._settings_of(topic)
        state = TopicState(
            topic,
            Mailbox(max_messages=settings.max_messages, max_control=settings.max_control),
            History(max_messages=settings.history_messages, ttl_s=settings.history_ttl_s, top=top),
            finals=settings.finals,
            source=source,
        )
        self._topics[topic] = state
        self._supervisor.start_child(
            ChildSpec(
                kind="topic",
                name=topic,
                build=lambda: TopicActor(state, self._clock, self._telemetry),
                ended=lambda: self._forget(topic),
                given_up=lambda record: self._quarantine(state, record),
                mailbox=state.mailbox,
            )
        )
        return state

    def _forget(self, topic: TopicName) -> None:
        state = self._topics.pop(topic, None)
        self._offered.discard(topic)
        if state is not None and state.source is not None:
            state.source.close()

    def _quarantine(self, state: TopicState, record: Exit) -> None:
        """A topic that fails again and again costs nobody else anything: it answers 503 for a while."""
        now = self._clock.monotonic()
        self._quarantined = {name: until for name, until in self._quarantined.items() if until > now}
        self._quarantined[state.name] = now + QUARANTINE_S
        log.error(
            "a topic is in quarantine",
            extra={"topic": state.name, "for_s": QUARANTINE_S, "lost": state.mailbox.depth + len(state.kept)},
        )
        for delivery in state.undelivered():
            self._telemetry.bury("quarantined", delivery, record.actor)
        state.turn_away()

    def _may_start(self, topic: TopicName) -> bool:
        has_room = self._supervisor.is_running and len(self._topics) < self._max_topics
        return has_room and not self._is_quarantined(topic)

    def _is_quarantined(self, topic: TopicName) -> bool:
        until = self._quarantined.get(topic)
        return until is not None and until > self._clock.monotonic()
