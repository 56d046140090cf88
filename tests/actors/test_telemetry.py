"""Telemetry: who failed is counted always and told at a limited rate, poison becomes a dead letter."""

from typing import Any

import pytest
from actor_world import delivery

from actors.metrics import ACTOR_DEAD_LETTERS, ACTOR_FAILURES, ACTOR_GIVEN_UP, ACTOR_RESTARTS, OTHER
from actors.runtime.exit import Exit
from actors.telemetry import MAX_LINES_PER_S, Telemetry
from server.testing.manual_clock import ManualClock


def failed(message: object = None, actor: str = "topic t") -> Exit:
    return Exit(actor, 3, ValueError("on purpose"), message, 7)


@pytest.fixture(autouse=True)
def _failures_are_meant(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    expected_logs.allow("dead letter")


def lines_of(caplog: pytest.LogCaptureFixture, beginning: str) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.getMessage().startswith(beginning)]


def test_failures_restarts_and_giving_up_are_counted_by_what_the_actor_is() -> None:
    telemetry = Telemetry(ManualClock())
    for _ in range(3):
        telemetry.failed("topic", failed())
    telemetry.failed("a kind of its own", failed())
    telemetry.restarted("client")
    telemetry.given_up("bus", failed())
    counts = telemetry.meter.counts
    assert (counts(ACTOR_FAILURES)["topic"], counts(ACTOR_FAILURES)[OTHER]) == (3, 1)
    assert counts(ACTOR_RESTARTS)["client"] == 1
    assert counts(ACTOR_GIVEN_UP)["bus"] == 1


def test_a_failure_is_told_with_what_it_happened_on_and_with_its_traceback(caplog: Any) -> None:
    message = delivery(10)
    Telemetry(ManualClock()).failed("topic", failed(message))
    [line] = lines_of(caplog, "an actor failed")
    expected = {"actor": "topic t", "generation": 3, "trace_id": message.id, "topic": "t", "waiting": 7}
    assert {name: line[name] for name in expected} == expected
    assert line["exc_info"][0] is ValueError


def test_a_failure_on_nothing_that_has_an_id_says_so(caplog: Any) -> None:
    Telemetry(ManualClock()).failed("client", failed("what is this?"))
    [line] = lines_of(caplog, "an actor failed")
    assert (line["trace_id"], line["topic"]) == (None, None)


def test_a_storm_of_failures_is_told_at_a_limited_rate_and_counted_in_full(caplog: Any) -> None:
    clock = ManualClock()
    telemetry = Telemetry(clock)
    for _ in range(1_000):
        telemetry.failed("topic", failed())
    assert len(lines_of(caplog, "an actor failed")) == MAX_LINES_PER_S
    clock.advance(1.0)
    telemetry.failed("topic", failed())
    telemetry.failed("topic", failed())
    untold = [line["untold_before"] for line in lines_of(caplog, "an actor failed")]
    assert untold == [0] * int(MAX_LINES_PER_S) + [1_000 - int(MAX_LINES_PER_S), 0]
    assert telemetry.meter.counts(ACTOR_FAILURES)["topic"] == 1_002


def test_the_message_on_which_an_actor_failed_is_a_dead_letter_and_says_so_in_its_trace() -> None:
    telemetry, poison = Telemetry(ManualClock()), delivery(10)
    telemetry.failed("topic", failed(poison))
    telemetry.failed("topic", failed("no message of a topic"))
    [letter] = telemetry.dead_letters.last()
    assert (letter.reason, letter.trace_id, letter.topic, letter.actor) == ("poison", poison.id, "t", "topic t")
    assert poison.trace.dead_letter == "poison"
    assert telemetry.meter.counts(ACTOR_DEAD_LETTERS)["poison"] == 1


def test_who_is_given_up_is_an_error_of_its_own(caplog: Any) -> None:
    Telemetry(ManualClock()).given_up("topic", failed())
    [line] = lines_of(caplog, "an actor failed too often and is given up")
    assert (line["actor"], line["generation"], line["levelname"]) == ("topic t", 3, "ERROR")
