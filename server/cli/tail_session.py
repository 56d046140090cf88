"""What ``fanwire tail`` knows of its topics, and what each frame from the gateway means. Pure: no socket, no clock.

Owns the position of every topic: the last ``seq`` that was shown, from which the next connection resumes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors.protocol.envelope import SYSTEM, VERSION, new_trace_id
from actors.protocol.messages import Since

__all__ = ["Drain", "Event", "Gap", "Greeting", "Message", "Refused", "Rejoined", "Reply", "TailSession"]


@dataclass(frozen=True, slots=True)
class Message:
    """A published message, as the gateway sent it."""

    envelope: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of ``topic`` after ``after`` and before ``before`` are not to be had; ``reason`` says why."""

    topic: str
    after: object
    before: object
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A topic, or with an empty ``topic`` the whole request, was not served."""

    topic: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Greeting:
    """The gateway's ``hello``: it sends a ping every ``heartbeat_s`` seconds."""

    heartbeat_s: float


@dataclass(frozen=True, slots=True)
class Drain:
    """The gateway is about to end the connection; the next one is welcome after ``after_s`` seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Rejoined:
    """The gateway's answer on a connection that is not the first: what it says was recovered, and what replayed."""

    frame: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """A frame that is due to the gateway."""

    frame: Mapping[str, object]


Event = Message | Gap | Refused | Greeting | Drain | Rejoined | Reply


class TailSession:
    """Outlives the connections: each one begins with ``subscribe`` and hands every frame to ``take``."""

    def __init__(self, topics: Sequence[str], since: Since) -> None:
        self._since: dict[str, Since] = dict.fromkeys(topics, since)
        self._last_ids: dict[str, str] = {}
        self._broken: set[str] = set()
        self._epoch: str | None = None
        self._has_joined = False

    def subscribe(self) -> dict[str, object]:
        """The request for all topics, each from the last position that is known."""
        self._broken.clear()
        options = {topic: {} if since is None else {"since": since} for topic, since in self._since.items()}
        return _request("subscribe", {"topics": options})

    def take(self, frame: Mapping[str, Any]) -> Iterator[Event]:
        """What the frame means, in order. Frames that this version does not know mean nothing."""
        if frame.get("topic") != SYSTEM:
            yield from self._take_message(frame)
            return
        data = frame.get("data", {})
        match frame.get("type"):
            case "hello":
                yield Greeting(float(data["heartbeat_s"]))
                yield from self._take_epoch(data.get("epoch"))
            case "ping":
                yield Reply(_request("pong", {"seen": dict(self._last_ids)}))
            case "subscribed":
                if self._has_joined:
                    yield Rejoined(frame)
                self._has_joined = True
                yield from self._take_subscribed(data)
            case "gap":
                # What comes next does not follow on what came before, and that has now been said.
                self._broken.add(data["topic"])
                yield Gap(data["topic"], data["from"], data["to"], data["reason"])
            case "reconnect":
                yield Drain(data["after_ms"] / 1000)
            case "error":
                yield Refused(data.get("topic", ""), data["code"], data["message"])

    def _take_epoch(self, epoch: str | None) -> Iterator[Event]:
        """Where the bus has forgotten its positions, "nothing yet" may have become "nothing any more"."""
        if epoch is None:
            return  # the gateway has yet to ask its bus
        if self._epoch not in (None, epoch):
            yield from (Gap(topic, None, None, "history") for topic, since in self._since.items() if since == 0)
        self._epoch = epoch

    def _take_message(self, envelope: Mapping[str, Any]) -> Iterator[Event]:
        topic, seq = envelope["topic"], envelope["seq"]
        if topic not in self._since:
            return  # user:<sub>, to which every connection is subscribed, unless it was asked for
        last = self._since[topic]
        if isinstance(last, int):
            if seq <= last:
                return
            if envelope["prev"] != last and topic not in self._broken:
                yield Gap(topic, last, seq, "chain")
        self._broken.discard(topic)
        self._since[topic] = seq
        self._last_ids[topic] = envelope["id"]
        yield Message(envelope)

    def _take_subscribed(self, data: Mapping[str, Any]) -> Iterator[Event]:
        for topic, joined in data["topics"].items():
            # While a replay is still on its way, the position is that of what has been shown.
            if not joined["replayed"]:
                self._since[topic] = joined["seq"]
        for topic, refusal in data["refused"].items():
            yield Refused(topic, refusal["code"], refusal["message"])


def _request(kind: str, data: Mapping[str, object]) -> dict[str, object]:
    return {"v": VERSION, "id": new_trace_id(), "topic": SYSTEM, "type": kind, "data": data}
