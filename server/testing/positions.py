"""Where a client is in each of its topics, and what it was never given. Pure.

The check is that of docs/protocol.md §1: a message follows the one whose ``seq`` it names as ``prev``.
"""

from collections.abc import Mapping
from typing import Any

from server.testing.expectations import Frame

__all__ = ["Positions"]

Since = int | str
# Microseconds since 1970 (docs/protocol.md §1): no gateway gives a message this one, so that it is on no chain.
NOWHERE = 1


class Positions:
    """Owns the last position of every topic, across connections, and the account of all gaps."""

    def __init__(self) -> None:
        self.seqs: dict[str, int] = {}
        self.gaps: list[str] = []
        self._last_ids: dict[str, str] = {}
        self._told: set[str] = set()

    def take(self, frame: Frame) -> str | None:
        """What ``frame`` says of a gap, if it does."""
        found = self._gap_in(frame)
        if found is not None:
            self.gaps.append(found)
        return found

    @property
    def last_ids(self) -> dict[str, str]:
        """The id of each topic's last message: what a client acknowledges with a pong."""
        return dict(self._last_ids)

    def since(self, topics: Mapping[str, Since | None]) -> dict[str, dict[str, Since]]:
        """What to ask for in ``subscribe``: every topic from where it is known to be, else from what it names."""
        asked: dict[str, dict[str, Since]] = {}
        for topic, first in topics.items():
            position = self.seqs.get(topic, first)
            asked[topic] = {} if position is None else {"since": position}
        return asked

    def leave(self, topic: str) -> None:
        """The topic is not followed any more, or anew from somewhere else."""
        self.seqs.pop(topic, None)

    def lose(self, topic: str) -> None:
        """Be at a position that the gateway never gave, as if a failover had lost the one that it gave."""
        self.seqs[topic] = NOWHERE

    def _gap_in(self, frame: Frame) -> str | None:
        if frame["topic"] != "system":
            return self._message(frame)
        match frame["type"]:
            case "gap":
                return self._told_of_gap(frame["data"])
            case "subscribed":
                return self._subscribed(frame["data"]["topics"])
        return None

    def _message(self, frame: Frame) -> str | None:
        topic, seq, prev = frame["topic"], frame["seq"], frame["prev"]
        here = self.seqs.get(topic)
        self.seqs[topic] = seq
        self._last_ids[topic] = frame["id"]
        if here is not None and seq <= here:
            return f"{topic}: after {here} came {seq}, again or late"
        if topic in self._told:
            self._told.discard(topic)
            return None
        if here is not None and prev != here:
            return f"{topic}: after {here} came {seq}, which follows {prev}: what lies between never came"
        return None

    def _told_of_gap(self, data: Mapping[str, Any]) -> str:
        self._told.add(data["topic"])
        return (
            f"{data['topic']}: the gateway says that messages after {data['from']} and before {data['to']} are "
            f"missing: {data['reason']}, dropped {data['dropped']}"
        )

    def _subscribed(self, topics: Mapping[str, Mapping[str, Any]]) -> str | None:
        lost = []
        for topic, told in topics.items():
            if not told["recovered"]:
                lost.append(f"{topic}: not recovered from {self.seqs.get(topic, 'the position asked for')}")
                self._told.add(topic)
            if not told["replayed"]:
                self.seqs[topic] = told["seq"]
        return "; ".join(lost) or None
