"""What a browser saw, from a file of JSON lines. Pure but for reading the file.

Two kinds of lines are known: the packets that the debug overlay exports (``dir`` is ``in``, ``out`` or ``event``),
and bare envelopes, as ``fanwire tail --json`` writes them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.protocol.envelope import SYSTEM

__all__ = ["BadCapture", "Captured", "messages_of", "read_capture"]

MOST_LINES = 10_000


class BadCapture(ValueError):
    """A line of a capture that cannot be played; says which, why, and what to do."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(where, why)
        self.where = where
        self.why = why

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Captured:
    """One message: ``at_s`` seconds after the capture's first; ``key`` None where it had none."""

    at_s: float
    topic: str
    type: str
    data: Any
    key: str | None


def read_capture(file: Path) -> list[Captured]:
    """Raises: BadCapture, or OSError where the file cannot be read."""
    with file.open(encoding="utf-8") as lines:
        return messages_of(lines, file.name)


def messages_of(lines: Iterable[str], name: str = "capture") -> list[Captured]:
    """The messages of all topics, each once, those of a topic in the order of their positions.

    What the browser was told of a topic's order between topics is that of arrival. Raises: BadCapture.
    """
    found: dict[tuple[str, int], tuple[float, Mapping[str, Any]]] = {}
    for number, line in enumerate(lines, 1):
        if number > MOST_LINES:
            raise BadCapture(name, f"has more than {MOST_LINES} lines: cut it to what shows the bug")
        where = f"{name} line {number}"
        taken = _message(json_object(line, where), where) if line.strip() else None
        if taken is not None:
            time_s, envelope = taken
            found.setdefault((envelope["topic"], envelope["seq"]), (time_s, envelope))
    if not found:
        raise BadCapture(name, "holds no message: only those that arrived can be played")
    return _in_order(found)


def json_object(line: str, where: str) -> dict[str, Any]:
    """Raises: BadCapture."""
    try:
        value = json.loads(line)
    except ValueError as flaw:
        raise BadCapture(where, f"is no JSON: {flaw}") from None
    if not isinstance(value, dict):
        raise BadCapture(where, "is no JSON object")
    return value


def _message(line: Mapping[str, Any], where: str) -> tuple[float, Mapping[str, Any]] | None:
    """When a message came (seconds), and its envelope; None where the line is none."""
    if "dir" not in line:
        return (float(line["ts"]), line) if _is_placed(line, where) else None
    if line["dir"] != "in" or line.get("topic") in (None, SYSTEM):
        return None
    if line.get("truncated"):
        raise BadCapture(
            where,
            f"the overlay kept only the beginning of this payload ({line.get('size')} characters): capture the "
            "topic with `fanwire tail --json`, which keeps all of it, or delete the line",
        )
    envelope = json_object(str(line.get("payload", "")), f"{where}, its payload")
    return (float(line["time"]) / 1000, envelope) if _is_placed(envelope, where) else None


def _is_placed(envelope: Mapping[str, Any], where: str) -> bool:
    """Whether it is a message and no control frame. Raises: BadCapture where it is neither."""
    if envelope.get("topic") == SYSTEM:
        return False
    for name, kind in (("topic", str), ("type", str), ("seq", int), ("ts", int | float)):
        if not isinstance(envelope.get(name), kind):
            raise BadCapture(where, f"is neither a packet of the overlay nor an envelope: {name!r} is missing")
    return True


def _in_order(found: Mapping[tuple[str, int], tuple[float, Mapping[str, Any]]]) -> list[Captured]:
    """The places of arrival stay; within a topic, its messages take them in the order of ``seq``."""
    seqs: dict[str, list[int]] = {}
    for topic, seq in sorted(found):
        seqs.setdefault(topic, []).append(seq)
    first_s = min(time_s for time_s, _ in found.values())
    messages = []
    for (topic, _), (time_s, _) in sorted(found.items(), key=lambda item: item[1][0]):
        _, envelope = found[topic, seqs[topic].pop(0)]
        messages.append(
            Captured(time_s - first_s, topic, envelope["type"], envelope.get("data", {}), envelope.get("key"))
        )
    return messages
