"""Which frames an expectation takes, and which it leaves."""

from typing import Any

from server.testing.expectations import MOST_UNREAD, Inbox, Wanted


def frame(topic: str, type: str, data: Any = None) -> dict[str, Any]:
    return {"topic": topic, "type": type, "data": data}


def inbox_of(*frames: dict[str, Any]) -> Inbox:
    inbox = Inbox()
    for one in frames:
        inbox.put(one)
    return inbox


def test_where_wants_fields_of_data_at_least() -> None:
    wanted = Wanted("note", where={"n": 1})
    assert wanted.matches(frame("t:a", "note", {"n": 1, "m": 2}))
    for data in ({"n": 2}, {}, None, [1]):
        assert not wanted.matches(frame("t:a", "note", data))


def test_a_function_is_asked_about_the_whole_frame_of_the_right_type_alone() -> None:
    wanted = Wanted("note", where=lambda packet: packet["data"]["n"] == 1)
    assert not wanted.matches(frame("t:a", "other", None))
    assert wanted.matches(frame("t:a", "note", {"n": 1}))


def test_taking_passes_over_the_same_topic_and_leaves_the_others_in_order() -> None:
    before = [frame("t:a", "1"), frame("t:b", "2"), frame("t:c", "3")]
    inbox = inbox_of(*before, frame("t:a", "4"), frame("t:a", "5"))
    assert inbox.take(Wanted("4")) == frame("t:a", "4")
    assert [one["type"] for one in inbox] == ["2", "3", "5"]


def test_a_gap_is_next_among_the_messages_of_its_topic() -> None:
    gap = frame("system", "gap", {"topic": "t:a"})
    inbox = inbox_of(frame("system", "ping", {}), gap, frame("t:b", "note"))
    assert inbox.next_message("t:a") is gap
    assert inbox.next_message("t:b") == frame("t:b", "note")


def test_an_inbox_has_a_bound_and_says_so() -> None:
    inbox = inbox_of(*[frame("t:a", "x")] * (MOST_UNREAD - 1))
    assert not inbox.is_full
    inbox.put(frame("t:a", "x"))
    assert inbox.is_full
