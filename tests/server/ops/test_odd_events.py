"""The ring of odd events: what gets in, how it looks, and that it is bounded."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from server.ops.odd_events import OddEvents

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-_x"
LOG = logging.getLogger("fanwire.test")


@pytest.fixture
def ring(expected_logs: Any) -> Iterator[OddEvents]:
    expected_logs.allow("odd")
    odd_events = OddEvents(max_kept=3)
    odd_events.listen()
    yield odd_events
    odd_events.stop()


def events(ring: OddEvents) -> Any:
    return ring.last()["events"]


def test_warnings_and_errors_of_fanwire_are_kept_with_what_they_are_about(ring: OddEvents) -> None:
    LOG.info("odd, but only worth knowing")
    logging.getLogger("elsewhere").error("odd, but not ours")
    LOG.warning("an odd %s", "thing", extra={"actor": "topic t", "topic": "t", "trace_id": None, "waiting": 3})
    (event,) = events(ring)
    assert event.pop("time") > 1_700_000_000
    assert event == {
        "level": "warning",
        "logger": "fanwire.test",
        "message": "an odd thing",
        "actor": "topic t",
        "topic": "t",
    }


def test_the_last_ones_are_kept_and_the_others_counted(ring: OddEvents) -> None:
    for number in range(5):
        LOG.error("odd %d", number)
    assert [event["message"] for event in events(ring)] == ["odd 2", "odd 3", "odd 4"]
    assert ring.last()["fell_out"] == 2


def test_strings_are_capped_and_tokens_masked(ring: OddEvents) -> None:
    LOG.error("odd: Bearer %s and ?token=%s %s", JWT, JWT, "x" * 10_000, extra={"topic": JWT, "client": "y" * 10_000})
    LOG.error("odd " + "z" * 10_000)
    first, second = events(ring)
    assert JWT not in str(first) and "eyJ" not in str(first)
    assert (len(first["client"]), len(second["message"])) == (257, 512)


def test_a_record_that_cannot_be_written_down_is_no_failure_of_its_caller(ring: OddEvents) -> None:
    ring.handle(logging.makeLogRecord({"msg": "odd %d %d", "args": ("not a number",), "name": "fanwire.test"}))
    assert "do not fit" in events(ring)[0]["message"]


def test_nothing_is_heard_after_the_stop(ring: OddEvents) -> None:
    ring.stop()
    LOG.error("odd and late")
    assert events(ring) == []
