"""A round: one message, or several joined, on their way through a topic's subscribers.

It remembers how far it has come, so that a topic that fails in the middle goes on behind the subscriber
on which it failed: nobody gets a message twice, and nobody else misses one.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import length_hint

from actors.client_mailbox import ClientMailbox
from actors.delivery import Delivery
from actors.fan_out import Missed, fan_out, queue_up
from actors.metrics import WS_FANOUT, WS_PUBLISH_TO_SOCKET, WS_SENT_BYTES, WS_SENT_MESSAGES
from actors.ports import Clock
from actors.protocol.envelope import TopicName, TraceId
from actors.telemetry import Telemetry

__all__ = ["Round"]


class Round:
    """``recipients`` must not change while the round lasts. ``id`` and ``topic`` are those of its first message."""

    __slots__ = ("_clock", "_deliveries", "_frames", "_is_told", "_recipients", "_started", "_telemetry", "id", "topic")

    def __init__(
        self, deliveries: Sequence[Delivery], recipients: Sequence[ClientMailbox], telemetry: Telemetry, clock: Clock
    ) -> None:
        self.id: TraceId = deliveries[0].id
        self.topic: TopicName = deliveries[0].topic
        self._deliveries = deliveries
        self._frames = b"".join([delivery.frame for delivery in deliveries])
        self._recipients: Iterator[ClientMailbox] = iter(recipients)
        self._telemetry = telemetry
        self._clock = clock
        self._started = clock.monotonic()
        self._is_told = False
        for delivery in deliveries:
            delivery.trace.fanned_out = self._started
            delivery.trace.offered = len(recipients)
            self._is_told = self._is_told or delivery.trace.is_told
        if self._is_told:
            self._tell()

    @property
    def left(self) -> int:
        """The subscribers that are still to be served."""
        return length_hint(self._recipients)

    def serve(self, most: int) -> None:
        """Give the messages to the next ``most`` subscribers. What is measured is measured once for all of them."""
        before, missed = self.left, Missed()
        spread = queue_up if self._is_told else fan_out
        try:
            spread(self._deliveries, self._frames, islice(self._recipients, most), missed)
        finally:
            handed_over = before - self.left - missed.count
            if handed_over:
                self._measure(handed_over)

    def end(self) -> None:
        self._telemetry.meter.observe(WS_FANOUT, self._clock.monotonic() - self._started)

    def _measure(self, handed_over: int) -> None:
        meter, now = self._telemetry.meter, self._clock.monotonic()
        meter.add(WS_SENT_MESSAGES, handed_over * len(self._deliveries))
        meter.add(WS_SENT_BYTES, handed_over * len(self._frames))
        for delivery in self._deliveries:
            trace = delivery.trace
            trace.written += handed_over
            trace.last_written = now
            meter.observe(WS_PUBLISH_TO_SOCKET, now - trace.received, handed_over)

    def _tell(self) -> None:
        for delivery in self._deliveries:
            if delivery.trace.is_told:
                self._telemetry.packets.tell(
                    "fanned_out", delivery.id, delivery.topic, seq=delivery.seq, subscribers=delivery.trace.offered
                )
