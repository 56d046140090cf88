"""bench.scale_report: what a bus adds, by round; verdicts; doubts said."""

import re
from dataclasses import asdict, replace

import pytest

from bench.question import Values
from bench.scale_cells import FreshCell, LatencyCell, ThroughputCell
from bench.scale_report import added_ms, render_scale, summarise_scale
from bench.verdicts import render_verdicts

MEMORY = LatencyCell(round=1, bus="memory", deliveries=1000, missing=0, p50_ms=0.5, p99_ms=2.0, server_waited=0.0)
REDIS = replace(MEMORY, bus="redis", p50_ms=0.8)
DELIVERIES = ThroughputCell(1, "redis", 2, 150_000.0, 3.5, 0.2, 0.3)
STORM = FreshCell(1, "redis", True, 2000, 900.0, 650.0, 30.0, {"xrange": 2100, "get": 2100})


def _rows(*cells: LatencyCell | ThroughputCell | FreshCell) -> list[Values]:
    return summarise_scale([asdict(cell) for cell in cells])


def test_what_a_bus_adds_is_taken_within_each_round() -> None:
    slow = [replace(MEMORY, round=2, p50_ms=5.0), replace(REDIS, round=2, p50_ms=5.2)]
    odd = [replace(MEMORY, round=3, p50_ms=1.0), replace(REDIS, round=3, p50_ms=1.4)]
    assert added_ms([MEMORY, REDIS, *slow, *odd], "redis") == pytest.approx(0.3)
    assert added_ms([MEMORY, replace(REDIS, round=2)], "redis") is None


@pytest.mark.parametrize(("p50_ms", "verdict"), [(1.5, "met"), (1.51, "MISSED")])
def test_a_millisecond_more_than_memory_is_the_target(p50_ms: float, verdict: str) -> None:
    said = render_verdicts("scale_out", _rows(MEMORY, replace(REDIS, p50_ms=p50_ms)))
    assert re.search(f"redis adds .* wanted at most 1 ms: {verdict}", said)


def test_doubts_are_said_and_only_where_there_are_any() -> None:
    assert "(!)" not in render_scale(_rows(MEMORY, REDIS, DELIVERIES, STORM))
    assert "0.80 (!)" in render_scale(_rows(MEMORY, replace(REDIS, server_waited=0.06)))
    assert "150,000 (*)" in render_scale(_rows(replace(DELIVERIES, generator_busy=0.95)))


def test_memory_that_was_disturbed_puts_what_the_others_add_in_doubt() -> None:
    said = render_verdicts("scale_out", _rows(replace(MEMORY, server_waited=0.06), REDIS))
    assert re.search(r"redis adds .*: met \(!\)", said)


def test_what_the_store_was_asked_is_counted_by_command() -> None:
    assert "redis, fresh" in render_scale(_rows(STORM))
    assert "get 2100, xrange 2100" in render_scale(_rows(STORM))
    assert "nothing" in render_scale(_rows(replace(STORM, asked={})))


def test_deliveries_are_told_by_bus_and_number_of_workers() -> None:
    other = replace(DELIVERIES, round=2, deliveries_per_s=170_000.0)
    lone = replace(DELIVERIES, workers=1)
    rows = _rows(DELIVERIES, other, lone)
    assert [(row["workers"], row["deliveries_per_s"]) for row in rows] == [(2, 160_000.0), (1, 150_000.0)]
