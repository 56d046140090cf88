"""BusBridge: what the bus delivers becomes bytes, once per worker, and goes to its topic.

It runs in the turn of whoever delivers and has no queue: the topic's mailbox is the next and only place
where a message may wait, and the one whose bound the publisher is told about.
"""

from collections.abc import Callable

from actors.delivery import Delivery
from actors.directory import TopicDirectory
from actors.ports import Bus, Clock
from actors.protocol.envelope import Envelope, TopicName
from actors.runtime.loop_actor import LoopActor
from actors.runtime.mailbox import Mailbox, Outcome
from actors.telemetry import Telemetry

__all__ = ["BusBridge"]

MAX_CONTROL = 10  # it is only ever asked to stop


class BusBridge(LoopActor[Mailbox[object]]):
    """Implements ``actors.ports.Deliveries``; the bus delivers while this actor lives.

    ``finals_of`` names a topic's types that no policy may lose.
    """

    def __init__(
        self,
        bus: Bus,
        directory: TopicDirectory,
        finals_of: Callable[[TopicName], frozenset[str]],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        super().__init__(Mailbox(max_messages=1, max_control=MAX_CONTROL))
        self._bus = bus
        self._directory = directory
        self._finals_of = finals_of
        self._clock = clock
        self._telemetry = telemetry

    def on_start(self) -> None:
        self._bus.start(self)

    def on_stop(self) -> None:
        self._bus.stop()

    def on_failure(self, *failure: object) -> None:
        self._bus.stop()

    def has_room(self, topic: TopicName) -> bool:
        return self._directory.has_room(topic)

    def lost_place(self, topic: TopicName) -> None:
        self._directory.lose_place(topic)

    def deliver(self, envelope: Envelope) -> None:
        packets, now = self._telemetry.packets, self._clock.monotonic()
        delivery = Delivery(
            envelope,
            is_final=envelope.type in self._finals_of(envelope.topic),
            received=now,
            is_told=packets.follows(envelope.id, now),
        )
        self._telemetry.traces.keep(delivery.trace)
        if delivery.trace.is_told:
            packets.tell("stored", delivery.id, delivery.topic, seq=delivery.seq, prev=delivery.prev)
        if self._directory.route(delivery) is not Outcome.QUEUED:
            self._telemetry.bury("undeliverable", delivery, self.label)
