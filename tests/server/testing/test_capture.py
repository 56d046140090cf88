"""Captures as the overlay and ``fanwire tail --json`` write them, and what cannot be played."""

import json
from typing import Any

import pytest

from server.testing.capture import BadCapture, messages_of


def envelope(topic: str, seq: int, *, ts: float, **more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "id": "x",
        "topic": topic,
        "type": "note",
        "ts": ts,
        "data": seq,
        "seq": seq,
        "prev": seq - 1,
    } | more


def packet(content: dict[str, Any] | None, *, dir: str = "in", time: float = 0, **more: Any) -> str:
    text = json.dumps(content)
    fields = {name: (content or {}).get(name) for name in ("id", "re", "topic", "type", "seq", "prev", "ts")}
    return json.dumps(
        {"time": time, "dir": dir, "size": len(text), "payload": text, "truncated": False, **fields} | more
    )


def test_lines_of_tail_are_messages_with_the_time_between_them() -> None:
    lines = [json.dumps(envelope("t:a", n, ts=100 + n / 4, key="k" if n == 2 else None)) for n in (1, 2)]
    first, second = messages_of([*lines, "\n"])
    assert (first.at_s, second.at_s) == (0.0, 0.25)
    assert (second.topic, second.type, second.data, second.key) == ("t:a", "note", 2, "k")


def test_of_the_overlays_packets_the_messages_that_came_in_count() -> None:
    lines = [
        packet({"topic": "system", "type": "hello", "data": {}}),
        packet(envelope("t:a", 1, ts=1), time=5_000),
        packet(envelope("t:a", 9, ts=1), dir="out"),
        json.dumps({"time": 1, "dir": "event", "event": "waiting", "detail": "", "code": 1006}),
        packet(envelope("t:a", 2, ts=2), time=5_500),
        packet(None, topic=None),
    ]
    assert [(message.at_s, message.data) for message in messages_of(lines)] == [(0.0, 1), (0.5, 2)]


def test_what_came_twice_is_played_once_and_what_came_late_in_its_place() -> None:
    lines = [json.dumps(envelope("t:a", seq, ts=ts)) for ts, seq in [(1, 1), (2, 3), (3, 2), (4, 3)]]
    assert [(message.at_s, message.data) for message in messages_of(lines)] == [(0.0, 1), (1.0, 2), (2.0, 3)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (packet(envelope("t:a", 1, ts=1), truncated=True, size=9000), "9000 characters.*tail --json"),
        ("{", "is no JSON"),
        ("[1]", "is no JSON object"),
        ('{"topic": "t:a"}', "'type' is missing"),
        (packet({"topic": "t:a"}, payload="gone"), "line 1, its payload: is no JSON"),
        (json.dumps({"topic": "system", "type": "gap"}), "holds no message"),
    ],
)
def test_what_cannot_be_played_is_refused_with_its_line_and_a_way_on(line: str, why: str) -> None:
    with pytest.raises(BadCapture, match=why):
        messages_of([line], "bug.jsonl")


def test_a_capture_has_a_bound() -> None:
    with pytest.raises(BadCapture, match="more than 10000 lines"):
        messages_of([""] * 10_001)
