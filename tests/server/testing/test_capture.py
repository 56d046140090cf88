"""Captures as the overlay and ``fanwire tail --json`` write them, and what cannot be played."""

import json
from typing import Any

import pytest

from server.testing.capture import visits_of
from server.testing.captured_visits import BadCapture, Captured, Visit


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


def event(name: str, time: float = 1) -> str:
    return json.dumps({"time": time, "dir": "event", "event": name, "detail": "", "code": None})


def subscribed(**topics: tuple[bool, int]) -> dict[str, Any]:
    told = {
        name.replace("_", ":"): {"recovered": recovered, "seq": seq, "replayed": 9}
        for name, (recovered, seq) in topics.items()
    }
    return {"v": 1, "id": "x", "topic": "system", "type": "subscribed", "data": {"topics": told, "refused": {}}}


def messages_of(lines: list[str]) -> list[Captured]:
    """Of a capture with one connection."""
    [visit] = visits_of(lines)
    assert not visit.missed
    return list(visit.live)


def numbers(visit: Visit) -> tuple[list[Any], list[Any]]:
    return [message.data for message in visit.missed], [message.data for message in visit.live]


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
        event("error"),
        packet(envelope("t:a", 2, ts=2), time=5_500),
        packet(None, topic=None),
    ]
    assert [(message.at_s, message.data) for message in messages_of(lines)] == [(0.0, 1), (0.5, 2)]


def test_what_came_twice_is_played_once_and_what_came_late_in_its_place() -> None:
    lines = [json.dumps(envelope("t:a", seq, ts=ts)) for ts, seq in [(1, 1), (2, 3), (3, 2), (4, 3)]]
    assert [(message.at_s, message.data) for message in messages_of(lines)] == [(0.0, 1), (1.0, 2), (2.0, 3)]


def test_a_lost_connection_divides_what_was_seen_and_the_answer_says_what_was_missed_meanwhile() -> None:
    lines = [
        event("connected"),
        packet(subscribed(t_a=(True, 0))),
        packet(envelope("t:a", 1, ts=1), time=1_000),
        *(event("waiting"), event("connecting"), event("waiting"), event("connected")),
        packet(subscribed(t_a=(True, 3), t_quiet=(True, 7))),
        *(packet(envelope("t:a", seq, ts=1), time=1_000 * seq) for seq in (2, 3, 4)),
    ]
    first, second = visits_of(lines)
    assert (numbers(first), dict(first.recovered)) == (([], [1]), {})
    assert (numbers(second), dict(second.recovered)) == (([2, 3], [4]), {"t:a": True})
    assert [message.at_s for message in second.messages] == [0.0, 1.0, 2.0]


def test_of_a_topic_that_was_not_recovered_all_that_came_is_live() -> None:
    lines = [
        packet(envelope("t:a", 1, ts=1)),
        event("waiting"),
        packet(subscribed(t_a=(False, 9))),
        packet(envelope("t:a", 9, ts=1)),
    ]
    _, second = visits_of(lines)
    assert (numbers(second), second.lost) == (([], [9]), ["t:a"])


def test_tail_writes_the_answer_only_where_it_has_come_back() -> None:
    lines = [envelope("t:a", 1, ts=1), subscribed(t_a=(True, 2)), envelope("t:a", 2, ts=2), envelope("t:a", 3, ts=3)]
    assert [numbers(visit) for visit in visits_of([json.dumps(line) for line in lines])] == [([], [1]), ([2], [3])]


def test_what_comes_again_after_a_lost_connection_is_played_where_it_came_first() -> None:
    lines = [
        *(packet(envelope("t:a", seq, ts=1), time=seq) for seq in (1, 2)),
        event("closed"),
        packet(subscribed(t_a=(True, 3))),
        *(packet(envelope("t:a", seq, ts=1), time=seq) for seq in (2, 3)),
    ]
    assert [numbers(visit) for visit in visits_of(lines)] == [([], [1, 2]), ([3], [])]


def test_a_connection_that_brought_nothing_at_first_or_never_came_back_is_none() -> None:
    lines = [event("waiting"), packet(envelope("t:a", 1, ts=1)), event("waiting"), event("closed")]
    assert [numbers(visit) for visit in visits_of(lines)] == [([], [1])]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (packet(envelope("t:a", 1, ts=1), truncated=True, size=9000), "9000 characters.*tail --json"),
        ("{", "is no JSON"),
        ("[1]", "is no JSON object"),
        ('{"topic": "t:a"}', "'type' is missing"),
        (packet({"topic": "t:a"}, payload="gone"), "line 1, its payload: is no JSON"),
        (json.dumps({"topic": "system", "type": "gap"}), "holds no message"),
        (packet(subscribed(), truncated=True, size=5000), "this answer .5000 characters.: capture fewer topics"),
        (json.dumps({"topic": "system", "type": "subscribed"}), "line 1: is no answer to subscribe"),
    ],
)
def test_what_cannot_be_played_is_refused_with_its_line_and_a_way_on(line: str, why: str) -> None:
    with pytest.raises(BadCapture, match=why):
        visits_of([line], "bug.jsonl")


def test_a_capture_has_a_bound() -> None:
    with pytest.raises(BadCapture, match="more than 10000 lines"):
        visits_of([""] * 10_001)
