"""What of a capture came on which connection, what was missed in between, and what was lost. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Arrived", "BadCapture", "Captured", "Joined", "Lost", "Row", "Visit", "visits_from"]


class BadCapture(ValueError):
    """A line of a capture that cannot be played; says which, why, and what to do."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(where, why)
        self.where = where
        self.why = why

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message, at ``time_s`` seconds of any clock."""

    time_s: float
    envelope: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection was lost."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The gateway's answer to ``subscribe``: of each topic, whether it was recovered, and its position then."""

    topics: Mapping[str, tuple[bool, int]]


Row = Arrived | Lost | Joined


@dataclass(frozen=True, slots=True)
class Captured:
    """One message: ``at_s`` seconds after the first of its connection; ``key`` None where it had none."""

    at_s: float
    topic: str
    type: str
    data: Any
    key: str | None


@dataclass(frozen=True, slots=True)
class Visit:
    """What one connection brought.

    ``missed`` had been published before it was made, and was replayed; ``live`` came after. ``recovered``: what the
    gateway said of each topic that the browser came back to, nothing on the first connection.
    """

    missed: Sequence[Captured] = ()
    live: Sequence[Captured] = ()
    recovered: Mapping[str, bool] = field(default_factory=dict)

    @property
    def messages(self) -> list[Captured]:
        return [*self.missed, *self.live]

    @property
    def lost(self) -> list[str]:
        """The topics of which the gateway said that messages are gone."""
        return [topic for topic, recovered in self.recovered.items() if not recovered]


@dataclass(slots=True)
class _Connection:
    """While the rows are read: the places at which messages came, and the first word on each topic."""

    places: list[tuple[float, str]] = field(default_factory=list)
    joined: dict[str, tuple[bool, int]] = field(default_factory=dict)


def visits_from(rows: Iterable[Row], name: str) -> list[Visit]:
    """The messages of all topics, each once, those of a topic in the order of their positions.

    The places of arrival stay, with their times and connections; within a topic, its messages take them in the order
    of ``seq``. A connection that was lost before it brought a message is none. Raises: BadCapture without a message.
    """
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    connections = _connections(rows, found)
    if not found:
        raise BadCapture(name, "holds no message: only those that arrived can be played")
    waiting = _by_topic(found)
    followed = set(waiting)
    return [_visit(connection, waiting, followed, number > 0) for number, connection in enumerate(connections)]


def _connections(rows: Iterable[Row], found: dict[tuple[str, int], Mapping[str, Any]]) -> list[_Connection]:
    """Fills ``found`` with the messages by topic and position."""
    connections, is_lost = [_Connection()], False
    for row in rows:
        if isinstance(row, Lost):
            is_lost = bool(found)
            continue
        if is_lost:
            connections.append(_Connection())
            is_lost = False
        if isinstance(row, Joined):
            connections[-1].joined = {**row.topics, **connections[-1].joined}
        elif (place := (row.envelope["topic"], row.envelope["seq"])) not in found:
            found[place] = row.envelope
            connections[-1].places.append((row.time_s, place[0]))
    return connections


def _by_topic(found: Mapping[tuple[str, int], Mapping[str, Any]]) -> dict[str, Iterator[Mapping[str, Any]]]:
    topics: dict[str, list[Mapping[str, Any]]] = {}
    for topic, seq in sorted(found):
        topics.setdefault(topic, []).append(found[topic, seq])
    return {topic: iter(envelopes) for topic, envelopes in topics.items()}


def _visit(
    connection: _Connection, waiting: Mapping[str, Iterator[Mapping[str, Any]]], followed: set[str], has_come_back: bool
) -> Visit:
    joined = {topic: told for topic, told in connection.joined.items() if topic in followed} if has_come_back else {}
    first_s = min((time_s for time_s, _ in connection.places), default=0.0)
    missed: list[Captured] = []
    live: list[Captured] = []
    for time_s, topic in sorted(connection.places, key=lambda place: place[0]):
        envelope = next(waiting[topic])
        recovered, position = joined.get(topic, (False, 0))
        was_there = recovered and envelope["seq"] <= position
        (missed if was_there else live).append(_captured(envelope, time_s - first_s))
    return Visit(missed, live, {topic: recovered for topic, (recovered, _) in joined.items()})


def _captured(envelope: Mapping[str, Any], at_s: float) -> Captured:
    return Captured(at_s, envelope["topic"], envelope["type"], envelope.get("data", {}), envelope.get("key"))
