"""Dead letters: all are counted, the last are kept, and a flood of them does not flood the log."""

from typing import Any

import pytest

from actors.dead_letters import MAX_KEPT, MAX_LINES_PER_S, DeadLetter, DeadLetters
from actors.meter import Meter
from actors.metrics import ACTOR_DEAD_LETTERS
from server.testing.manual_clock import ManualClock


@pytest.fixture(autouse=True)
def _dead_letters_are_meant(expected_logs: Any) -> None:
    expected_logs.allow("dead letter")


def test_a_dead_letter_is_kept_counted_and_told_with_its_trace_id(caplog: Any) -> None:
    meter, clock = Meter(), ManualClock(unix_s=50.0)
    letters = DeadLetters(meter, clock)
    letters.add("quarantined", "an id", "thread:42", "topic thread:42")
    assert letters.last() == [DeadLetter(50.0, "quarantined", "an id", "thread:42", "topic thread:42")]
    assert dict(meter.counts(ACTOR_DEAD_LETTERS)) == {"poison": 0, "undeliverable": 0, "quarantined": 1, "other": 0}
    [line] = [vars(record) for record in caplog.records]
    expected = {
        "levelname": "ERROR",
        "message": "dead letter",
        "trace_id": "an id",
        "topic": "thread:42",
        "actor": "topic thread:42",
        "reason": "quarantined",
        "untold_before": 0,
    }
    assert {name: line[name] for name in expected} == expected


def test_only_the_last_are_kept_and_the_log_says_how_many_it_did_not_tell(caplog: Any) -> None:
    meter, clock = Meter(), ManualClock()
    letters = DeadLetters(meter, clock)
    for number in range(3 * MAX_KEPT):
        letters.add("undeliverable", str(number), "t", "topic t")
    assert [letter.trace_id for letter in letters.last()] == [str(n) for n in range(2 * MAX_KEPT, 3 * MAX_KEPT)]
    assert len(caplog.records) == MAX_LINES_PER_S
    assert meter.counts(ACTOR_DEAD_LETTERS)["undeliverable"] == 3 * MAX_KEPT
    clock.advance(0.1)
    letters.add("poison", "told again", "t", "topic t")
    letters.add("poison", "not told", "t", "topic t")
    assert vars(caplog.records[-1])["trace_id"] == "told again"
    assert vars(caplog.records[-1])["untold_before"] == 3 * MAX_KEPT - MAX_LINES_PER_S
    clock.advance(0.1)
    letters.add("poison", "told", "t", "topic t")
    assert vars(caplog.records[-1])["untold_before"] == 1
