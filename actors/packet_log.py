"""The packet log: a line for each hop of a message, where that is switched on. ``grep <trace id>`` tells its story."""

import logging
from typing import Literal

from actors.protocol.envelope import TopicName, TraceId
from actors.rate import TokenBucket

__all__ = ["MAX_FOLLOWED_PER_S", "SAMPLE_ONE_IN", "Hop", "PacketLog", "Packets"]

Packets = Literal["none", "sampled", "all"]
Hop = Literal["accepted", "stored", "fanned_out", "written", "acked"]

SAMPLE_ONE_IN = 100
MAX_FOLLOWED_PER_S = 20.0

log = logging.getLogger("fanwire.packets")


class PacketLog:
    """``packets`` says whose hops are told: nobody's, one message in a hundred, or everyone's.

    The id alone decides, so that all workers tell the whole story of the same messages.
    """

    __slots__ = ("_followed", "_packets")

    def __init__(self, packets: Packets) -> None:
        self._packets = packets
        self._followed = TokenBucket(MAX_FOLLOWED_PER_S, 0.0)

    def tells(self, trace_id: TraceId) -> bool:
        if self._packets == "none":
            return False
        return self._packets == "all" or int(trace_id[:8], 16) % SAMPLE_ONE_IN == 0

    def follows(self, trace_id: TraceId, now: float) -> bool:
        """Whether to tell all hops of this message; of a sample, at most ``MAX_FOLLOWED_PER_S``.

        Publishers choose ids, and could choose to be in the sample: what is told costs every subscriber's short cut.
        """
        return self.tells(trace_id) and (self._packets == "all" or self._followed.take(now))

    def tell(self, hop: Hop, trace_id: TraceId, topic: TopicName, **more: object) -> None:
        """Ask ``tells`` before; ``more`` goes into the line as it is."""
        log.info(hop, extra={"trace_id": trace_id, "topic": topic, **more})
