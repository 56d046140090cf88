"""Telemetry: what the actors of one worker tell of themselves. Counted and kept here, reported by others."""

import logging

from actors.dead_letters import DeadLetters, Reason
from actors.delivery import Delivery
from actors.meter import Meter
from actors.metrics import ACTOR_FAILURES, ACTOR_GIVEN_UP, ACTOR_RESTARTS
from actors.packet_log import PacketLog, Packets
from actors.ports import Clock
from actors.rate import TokenBucket
from actors.runtime.exit import Exit
from actors.trace import Traces

__all__ = ["MAX_LINES_PER_S", "Telemetry"]

MAX_LINES_PER_S = 20.0  # of failed actors, each with a traceback; all of them are counted

log = logging.getLogger("fanwire.supervisor")


class Telemetry:
    """Implements ``actors.runtime.child_spec.Witness``."""

    def __init__(self, clock: Clock, packets: Packets = "none") -> None:
        self.meter = Meter()
        self.traces = Traces()
        self.packets = PacketLog(packets)
        self.dead_letters = DeadLetters(self.meter, clock)
        self._clock = clock
        self._lines = TokenBucket(MAX_LINES_PER_S, clock.monotonic())
        self._untold = 0

    def failed(self, kind: str, record: Exit) -> None:
        self.meter.add(ACTOR_FAILURES, 1, kind)
        self._log_failure(record)
        if isinstance(record.message, Delivery):
            self.bury("poison", record.message, record.actor)

    def restarted(self, kind: str) -> None:
        self.meter.add(ACTOR_RESTARTS, 1, kind)

    def given_up(self, kind: str, record: Exit) -> None:
        self.meter.add(ACTOR_GIVEN_UP, 1, kind)
        extra = {"actor": record.actor, "generation": record.generation}
        log.error("an actor failed too often and is given up", extra=extra)

    def bury(self, reason: Reason, delivery: Delivery, actor: str) -> None:
        """``delivery`` is a dead letter."""
        delivery.trace.dead_letter = reason
        self.dead_letters.add(reason, delivery.id, delivery.topic, actor)

    def _log_failure(self, record: Exit) -> None:
        """With the trace id of what it failed on."""
        if not self._lines.take(self._clock.monotonic()):
            self._untold += 1
            return
        untold, self._untold = self._untold, 0
        log.error(
            "an actor failed: %s",
            type(record.failure).__name__,
            exc_info=record.failure,
            extra={
                "actor": record.actor,
                "generation": record.generation,
                "trace_id": getattr(record.message, "id", None),
                "topic": getattr(record.message, "topic", None),
                "waiting": record.waiting,
                "untold_before": untold,
            },
        )
