"""bench.stream_dialogue: every topic gets its tabs, and a number written into the text makes another valid message."""

import json
import time
import uuid
from collections import Counter

import jwt
import pytest

from bench.storm_dialogue import ALGORITHM
from bench.stream_dialogue import Tab, message_text, publish_head, seats, tab_lines, tabs_in_runs, topic_name

SECRET = "a secret that is long enough for HS256"


@pytest.mark.parametrize(("tabs", "counts"), [(9, {1: 9}), (18, {1: 3, 2: 3, 3: 3}), (27, {3: 9})])
def test_twice_as_many_tabs_as_streams_are_one_to_three_on_each(tabs: int, counts: dict[int, int]) -> None:
    on_each = Counter(tab.first for tab in seats(9, tabs))
    assert Counter(on_each.values()) == counts
    assert set(on_each) == set(range(9))


@pytest.mark.parametrize("tabs", [8, 28])
def test_tabs_that_leave_a_stream_alone_or_crowd_it_are_refused(tabs: int) -> None:
    with pytest.raises(ValueError, match=f"{tabs} of 9 streams"):
        seats(9, tabs)


def test_runs_have_every_topic_once_and_the_last_one_what_is_left() -> None:
    assert tabs_in_runs(7, 3) == [Tab(0, 3), Tab(3, 3), Tab(6, 1)]


def test_a_tab_has_a_token_of_its_own_and_asks_for_the_run_that_its_line_names() -> None:
    lines = [line.split(" ", 3) for line in tab_lines([Tab(0, 2), Tab(2, 1)], SECRET, time.time())]
    users = [jwt.decode(token, SECRET, [ALGORITHM])["sub"] for token, *_ in lines]
    asked = [json.loads(frame)["data"]["topics"] for *_, frame in lines]
    assert len(set(users)) == 2
    assert [(first, count) for _, first, count, _ in lines] == [("0", "2"), ("2", "1")]
    assert asked == [[topic_name(0), topic_name(1)], [topic_name(2)]]


def test_digits_written_at_the_offsets_make_another_envelope() -> None:
    text, counter_at, topic_at = message_text(" token", "0a1b2c3d")
    changed = text[:counter_at] + "00010000002a" + text[counter_at + 12 :]
    changed = changed[:topic_at] + "00042" + changed[topic_at + 5 :]
    envelope = json.loads(changed)
    assert uuid.UUID(envelope["id"]).version == 4
    assert envelope["id"].startswith("0a1b2c3d-")
    assert envelope["id"].endswith("00010000002a")
    assert envelope["topic"] == topic_name(42)
    assert len(changed) == len(text)


def test_a_request_is_complete_with_its_length_and_an_empty_line() -> None:
    head = publish_head(8080, "a.token")
    assert head.startswith("POST /api/publish HTTP/1.1\r\n")
    assert "Authorization: Bearer a.token\r\n" in head
    assert head.endswith("\r\nContent-Length: ")
