"""Framing: how what one client is told becomes bytes on its connection, a WebSocket or a stream of events."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from actors.delivery import Delivery
from actors.protocol.envelope import Seq, TopicName, TraceId
from actors.protocol.frame import PING, frame_of, text_frame
from actors.protocol.messages import control_envelope
from actors.protocol.sse import COMMENT, cursor_of, event

__all__ = ["COMMENT_EVERY_S", "WEBSOCKET", "EventFraming", "Framing", "WebSocketFraming"]

COMMENT_EVERY_S = 15.0


class Framing(Protocol):
    """``heartbeat_s``: seconds between two heartbeats where the transport has its own, else None.

    ``hears``: the client can answer, and has to.
    """

    heartbeat_s: float | None
    hears: bool

    def message(self, delivery: Delivery) -> bytes: ...

    def control(self, kind: str, data: Mapping[str, Any], now: float, re: TraceId | None = None) -> bytes: ...

    def heartbeat(self, data: Mapping[str, Any], now: float) -> bytes: ...


class WebSocketFraming:
    """Messages go out as the frames that all subscribers share."""

    heartbeat_s: float | None = None
    hears = True

    def message(self, delivery: Delivery) -> bytes:
        return delivery.frame

    def control(self, kind: str, data: Mapping[str, Any], now: float, re: TraceId | None = None) -> bytes:
        return text_frame(control_envelope(kind, data, now, re))

    def heartbeat(self, data: Mapping[str, Any], now: float) -> bytes:
        """A ping that says where each topic is, and one that any WebSocket library answers by itself."""
        return self.control("ping", data, now) + frame_of(PING, b"")


WEBSOCKET = WebSocketFraming()


class EventFraming:
    """Owns the positions of one stream: each event's id says where every one of ``topics`` is.

    ``positions`` are those that the stream was asked to resume from.
    """

    heartbeat_s: float | None = COMMENT_EVERY_S
    hears = False

    def __init__(self, topics: Sequence[TopicName], positions: Mapping[TopicName, Seq]) -> None:
        self._topics = topics
        self._positions = dict(positions)

    def message(self, delivery: Delivery) -> bytes:
        self._positions[delivery.topic] = delivery.seq
        return event("message", delivery.payload, cursor_of(self._topics, self._positions))

    def control(self, kind: str, data: Mapping[str, Any], now: float, re: TraceId | None = None) -> bytes:
        envelope = control_envelope(kind, data, now, re)
        if kind != "subscribed":
            return event("message", envelope)
        for topic, joined in data["topics"].items():
            # While a replay is still on its way, the position is that of what has been written.
            if not joined["replayed"]:
                self._positions[topic] = joined["seq"]
        return event("message", envelope, cursor_of(self._topics, self._positions))

    def heartbeat(self, data: Mapping[str, Any], now: float) -> bytes:
        return COMMENT
