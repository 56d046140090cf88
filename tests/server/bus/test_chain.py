"""The chain of prev: what follows from what."""

import pytest

from actors.protocol.envelope import Envelope, Seq, TopicName, TraceId
from server.bus.chain import Link, follows, link_of, newest_run


def message(seq: int, prev: int) -> Envelope:
    return Envelope(TraceId(str(seq)), TopicName("t"), "x", 1.0, {}, seq=Seq(seq), prev=Seq(prev))


@pytest.mark.parametrize(
    ("seq", "prev", "link"),
    [
        (30, 20, Link.NEXT),
        (20, 10, Link.DUPLICATE),
        (15, 10, Link.DUPLICATE),
        (40, 30, Link.GAP),
        (40, 10, Link.GAP),
        (40, 0, Link.GAP),
    ],
)
def test_a_live_message_is_next_known_or_shows_a_gap(seq: int, prev: int, link: Link) -> None:
    assert link_of(Seq(20), message(seq, prev)) is link


@pytest.mark.parametrize(
    ("stored", "top", "good"),
    [
        ([], 20, True),
        ([], 10, False),  # the tail was lost
        ([], 40, False),  # what came later has been trimmed away
        ([], 0, False),
        ([(30, 20)], 30, True),
        ([(30, 20), (40, 30)], 40, True),
        ([(30, 10)], 30, False),  # a fork
        ([(40, 30)], 40, False),
        ([(30, 20), (50, 40)], 50, False),
    ],
)
def test_what_is_stored_goes_on_right_behind_the_last_position_or_the_place_is_lost(
    stored: list[tuple[int, int]], top: int, good: bool
) -> None:
    assert follows(Seq(20), [message(*one) for one in stored], Seq(top)) is good


def test_of_pages_between_which_messages_were_trimmed_the_newest_run_is_kept() -> None:
    pages = [message(10, 0), message(20, 10), message(50, 40), message(60, 50)]
    assert [one.seq for one in newest_run(pages)] == [50, 60]
    assert newest_run(pages[:2]) == pages[:2]
    assert newest_run([]) == []
