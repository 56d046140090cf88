"""A browser that holds the gateway to its promise: it knows what was published, and judges what it receives.

It owns the position of each topic up to which everything is accounted for: received, superseded, or told lost.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from model_topic import ModelTopic

from actors.delivery import Delivery
from actors.runtime.overflow import OverflowPolicy

__all__ = ["Browser"]

DROPS = {OverflowPolicy.DROP_OLDEST, OverflowPolicy.DROP_NEWEST}


class Browser:
    """``cursor`` has the subscribed topics. ``told`` counts the messages that a gap of reason overflow told lost."""

    def __init__(self, topics: Mapping[str, ModelTopic]) -> None:
        self.topics = topics
        self.cursor: dict[str, int] = {}
        self.told: Counter[str] = Counter()
        self._owed: dict[str, dict[str, int]] = {}
        self._gap: dict[str, Any] | None = None

    def join(self, topic: str, position: int) -> None:
        self.cursor[topic] = position
        self.told[topic] = 0
        self._owed[topic] = {}

    def leave(self, topic: str) -> None:
        del self.cursor[topic]

    @property
    def is_up_to_date(self) -> bool:
        return all(self.topics[topic].top == position for topic, position in self.cursor.items())

    def read(self, payloads: Iterable[bytes]) -> None:
        """Judge the next whole frames of the stream. Raises: AssertionError."""
        for payload in payloads:
            frame = json.loads(payload)
            if frame["topic"] != "system":
                self._read_message(frame)
                continue
            assert self._gap is None, f"{self._gap} is not followed by its message but by {frame}"
            if frame["type"] == "gap":
                self._read_gap(frame["data"])
        assert self._gap is None, f"{self._gap} is followed by nothing"

    def assert_nothing_is_owed(self) -> None:
        """Once nothing waits any more: everything is accounted for, and of superseded news the newest has come."""
        for topic in self.cursor:
            assert self.cursor[topic] == self.topics[topic].top, f"{topic} ends at {self.cursor[topic]}"
            assert not self._owed[topic], f"superseded in {topic}, and nothing newer has come: {self._owed[topic]}"

    def _read_gap(self, gap: dict[str, Any]) -> None:
        topic = self.topics[gap["topic"]]
        assert gap["from"] == self.cursor[topic.name], f"{gap} begins elsewhere than at {self.cursor[topic.name]}"
        if gap["to"] is not None:
            self._gap = gap
            return
        self._judge_loss(topic, gap, topic.between(gap["from"]))
        self.cursor[topic.name] = topic.top

    def _read_message(self, frame: dict[str, Any]) -> None:
        topic, seq = self.topics[frame["topic"]], frame["seq"]
        assert topic.name in self.cursor, f"{frame} came without a subscription"
        position = self.cursor[topic.name]
        assert seq > position, f"{frame} came behind {position}"
        [message] = [one for one in topic.between(position) if one.seq == seq]
        assert frame["prev"] == message.prev
        skipped = topic.between(position, seq)
        gap, self._gap = self._gap, None
        if gap is not None:
            assert (gap["topic"], gap["to"]) == (topic.name, seq), f"{gap} stands in front of {frame}"
            self._judge_loss(topic, gap, skipped)
        else:
            self._judge_skipped(topic, skipped, frame)
        if self._owed[topic.name].get(message.subject, seq) < seq:
            del self._owed[topic.name][message.subject]
        self.cursor[topic.name] = seq

    def _judge_loss(self, topic: ModelTopic, gap: dict[str, Any], skipped: list[Delivery]) -> None:
        assert skipped, f"{gap} tells of a loss that there was not"
        assert not any(message.is_final for message in skipped), f"a final message is lost: {gap}"
        if gap["dropped"] is not None:
            assert topic.policy in DROPS, f"{topic.policy} told {gap}"
            assert gap["dropped"] == len(skipped), f"{gap} is about {len(skipped)} messages"
            self.told[topic.name] += len(skipped)
            return
        assert not topic.has_finals, f"finals may be among {gap}"
        first_kept = topic.losses[gap["from"]]
        dropped = [message for message in skipped if message.seq >= first_kept]
        if topic.policy in DROPS:
            self.told[topic.name] += len(dropped)
        else:
            self._judge_skipped(topic, dropped, gap)

    def _judge_skipped(self, topic: ModelTopic, skipped: list[Delivery], met: object) -> None:
        if not skipped:
            return
        assert topic.policy is OverflowPolicy.LATEST, f"{skipped} are lost without a word in front of {met}"
        for message in skipped:
            assert not message.is_final, f"a final message is superseded: {message}"
            self._owed[topic.name][message.subject] = message.seq
