"""What a browser saw, from a file of JSON lines. Pure but for reading the file.

Two kinds of lines are known: the packets that the debug overlay exports (``dir`` is ``in``, ``out`` or ``event``),
and bare envelopes, as ``fanwire tail --json`` writes them. What the lines make up is ``captured_visits``' affair.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from actors.protocol.envelope import SYSTEM
from server.testing.captured_visits import Arrived, BadCapture, Joined, Lost, Row, Visit, visits_from

__all__ = ["read_capture", "visits_of"]

MOST_LINES = 10_000
# States of the browser's client in which it has no connection any more.
ENDS = ("waiting", "closed")


def read_capture(file: Path) -> list[Visit]:
    """Raises: BadCapture, or OSError where the file cannot be read."""
    with file.open(encoding="utf-8") as lines:
        return visits_of(lines, file.name)


def visits_of(lines: Iterable[str], name: str = "capture") -> list[Visit]:
    """What came on each connection, one after the other. Raises: BadCapture."""
    return visits_from(_rows(lines, name), name)


def json_object(line: str, where: str) -> dict[str, Any]:
    """Raises: BadCapture."""
    try:
        value = json.loads(line)
    except ValueError as flaw:
        raise BadCapture(where, f"is no JSON: {flaw}") from None
    if not isinstance(value, dict):
        raise BadCapture(where, "is no JSON object")
    return value


def _rows(lines: Iterable[str], name: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if number > MOST_LINES:
            raise BadCapture(name, f"has more than {MOST_LINES} lines: cut it to what shows the bug")
        where = f"{name} line {number}"
        if line.strip():
            read = json_object(line, where)
            yield from _packet(read, where) if "dir" in read else _line_of_tail(read, where)


def _packet(packet: Mapping[str, Any], where: str) -> Iterator[Row]:
    """What a packet of the overlay says; most say nothing that can be played."""
    if packet["dir"] == "event" and packet.get("event") in ENDS:
        yield Lost()
    is_answer = packet.get("topic") == SYSTEM and packet.get("type") == "subscribed"
    if packet["dir"] != "in" or packet.get("topic") is None or (packet["topic"] == SYSTEM and not is_answer):
        return
    if packet.get("truncated"):
        raise BadCapture(where, _cut_short(packet, is_answer))
    envelope = json_object(str(packet.get("payload", "")), f"{where}, its payload")
    yield _joined(envelope, where) if is_answer else _arrived(envelope, float(packet["time"]) / 1000, where)


def _line_of_tail(envelope: Mapping[str, Any], where: str) -> Iterator[Row]:
    if envelope.get("topic") != SYSTEM:
        yield _arrived(envelope, envelope.get("ts"), where)
    elif envelope.get("type") == "subscribed":
        # tail writes it where it has come back, and nowhere else.
        yield from (Lost(), _joined(envelope, where))


def _cut_short(packet: Mapping[str, Any], is_answer: bool) -> str:
    size = packet.get("size")
    if is_answer:
        return (
            f"the overlay kept only the beginning of this answer ({size} characters): capture fewer topics, or "
            "delete the line, so that what came behind it is played as if nothing had been missed"
        )
    return (
        f"the overlay kept only the beginning of this payload ({size} characters): capture the "
        "topic with `fanwire tail --json`, which keeps all of it, or delete the line"
    )


def _arrived(envelope: Mapping[str, Any], time_s: object, where: str) -> Arrived:
    for name, kind in (("topic", str), ("type", str), ("seq", int), ("ts", int | float)):
        if not isinstance(envelope.get(name), kind):
            raise BadCapture(where, f"is neither a packet of the overlay nor an envelope: {name!r} is missing")
    assert isinstance(time_s, int | float)
    return Arrived(float(time_s), envelope)


def _joined(envelope: Mapping[str, Any], where: str) -> Joined:
    """The answer to ``subscribe`` (docs/protocol.md §3)."""
    try:
        topics = envelope["data"]["topics"]
        return Joined({name: (bool(told["recovered"]), int(told["seq"])) for name, told in topics.items()})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadCapture(where, "is no answer to subscribe: each topic has 'seq' and 'recovered'") from None
