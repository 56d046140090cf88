"""Events as an EventSource reads them, and the cursor against whatever may come back in its place."""

import pytest
from event_stream import EventParser
from hypothesis import given
from hypothesis import strategies as st

from actors.protocol.envelope import Seq, TopicName
from actors.protocol.sse import COMMENT, BadCursor, cursor_from, cursor_of, event, retry

A, B, C = TopicName("t:a"), TopicName("t:b"), TopicName("user:ada")
NAMES = st.lists(st.sampled_from([TopicName(f"t:{n}") for n in range(9)]), min_size=1, unique=True)
POSITIONS = st.integers(0, 2**53 - 1).map(Seq)


def test_an_event_has_its_name_its_data_and_its_id() -> None:
    parser = EventParser()
    [read] = parser.feed(event("message", b'{"a": 1}', "0a.1"))
    assert (read.name, read.data, read.id) == ("message", '{"a": 1}', "0a.1")


def test_an_event_without_an_id_leaves_the_last_one_as_it_was() -> None:
    parser = EventParser()
    parser.feed(event("message", b"1", "0a.1") + event("message", b"2"))
    assert parser.last_event_id == "0a.1"


def test_a_comment_is_no_event_and_a_delay_is_understood() -> None:
    parser = EventParser()
    assert parser.feed(COMMENT + retry(700)) == []
    assert (parser.comments, parser.retry_ms) == (1, 700)


def test_half_an_event_is_none_and_its_id_does_not_count() -> None:
    parser = EventParser()
    whole = event("message", b"{}", "0a.1")
    assert all(parser.feed(whole[at : at + 1]) == [] for at in range(len(whole) - 1))
    assert parser.last_event_id == ""
    assert len(parser.feed(whole[-1:])) == 1


@given(topics=NAMES, data=st.data())
def test_a_cursor_gives_back_the_positions_that_it_was_made_of(topics: list[TopicName], data: st.DataObject) -> None:
    positions = data.draw(st.dictionaries(st.sampled_from(topics), POSITIONS))
    assert cursor_from(cursor_of(topics, positions), topics) == positions


@given(topics=NAMES, data=st.data())
def test_a_cursor_is_letters_and_digits_and_never_breaks_a_line(topics: list[TopicName], data: st.DataObject) -> None:
    text = cursor_of(topics, data.draw(st.dictionaries(st.sampled_from(topics), POSITIONS)))
    assert set(text) <= set("0123456789abcdef.-")


def test_zero_is_a_position_and_not_the_lack_of_one() -> None:
    assert cursor_from(cursor_of([A, B], {A: Seq(0)}), [A, B]) == {A: 0}


def test_positions_of_other_topics_are_left_out() -> None:
    assert cursor_from(cursor_of([A], {A: Seq(1), C: Seq(2)}), [A]) == {A: 1}


@pytest.mark.parametrize("others", [[B, A], [A], [A, B, C], [A, C], []])
def test_a_cursor_of_other_topics_or_of_another_order_is_refused(others: list[TopicName]) -> None:
    with pytest.raises(BadCursor, match="these topics"):
        cursor_from(cursor_of([A, B], {A: Seq(1), B: Seq(2)}), others)


GOOD = cursor_of([A, B], {A: Seq(1), B: Seq(2)})
MARK = GOOD.split(".")[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        MARK,
        f"{MARK}.1",
        f"{MARK}.1.2.3",
        f"{MARK}.1.",
        f"{MARK}.1.g",
        f"{MARK}.1.A",
        f"{MARK}.1.+2",
        f"{MARK}.1.-2",
        f"{MARK}.1.--",
        f"{MARK}.1. 2",
        f"{MARK}.1.2\n",
        f"{MARK}.1.0x2",
        f"{MARK}.1.1_0",
        f"{MARK}.1.٣",
        f"{MARK}.1." + "1" * 15,
        f"{MARK}.1." + "1" * 10_000,
        f" {GOOD}",
        GOOD.upper() if MARK.upper() != MARK else GOOD + ".",
        f"00000000.{GOOD}",
        "1719958453127004",
        "earliest",
    ],
)
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(BadCursor, match="last_event_id: "):
        cursor_from(text, [A, B])


@pytest.mark.parametrize("seq", [2**53, 2**56 - 1])
def test_a_position_that_no_message_can_have_is_refused(seq: int) -> None:
    """docs/protocol.md §1: positions are always below 2^53, and no request with a larger one would be read."""
    with pytest.raises(BadCursor):
        cursor_from(f"{MARK}.1.{seq:x}", [A, B])


@given(text=st.text(max_size=60))
def test_no_text_whatever_fails_otherwise_than_by_being_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursor_from(text, [A, B])
