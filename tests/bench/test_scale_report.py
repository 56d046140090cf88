"""bench.scale_report and bench.scale_record: what a bus adds, by round; verdicts; doubts said; a page of its own."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.scale_cells import FreshCell, LatencyCell, ThroughputCell
from bench.scale_record import PAGE, ScaleRun, record_scale
from bench.scale_report import added_ms, render_scale

MEMORY = LatencyCell(round=1, bus="memory", deliveries=1000, missing=0, p50_ms=0.5, p99_ms=2.0, server_waited=0.0)
REDIS = replace(MEMORY, bus="redis", p50_ms=0.8)
DELIVERIES = ThroughputCell(1, "redis", 2, 150_000.0, 3.5, 0.2, 0.3)
STORM = FreshCell(1, "redis", True, 2000, 900.0, 650.0, 30.0, {"xrange": 2100, "get": 2100})


def test_what_a_bus_adds_is_taken_within_each_round() -> None:
    slow = [replace(MEMORY, round=2, p50_ms=5.0), replace(REDIS, round=2, p50_ms=5.2)]
    odd = [replace(MEMORY, round=3, p50_ms=1.0), replace(REDIS, round=3, p50_ms=1.4)]
    assert added_ms([MEMORY, REDIS, *slow, *odd], "redis") == pytest.approx(0.3)
    assert added_ms([MEMORY, replace(REDIS, round=2)], "redis") is None


@pytest.mark.parametrize(("p50_ms", "verdict"), [(1.5, "+1.00: met"), (1.51, "+1.01: MISSED")])
def test_a_millisecond_more_than_memory_is_the_target(p50_ms: float, verdict: str) -> None:
    assert f"at the median: {verdict}" in render_scale([MEMORY, replace(REDIS, p50_ms=p50_ms)], [], [])


def test_doubts_are_said_and_only_where_there_are_any() -> None:
    assert "(!)" not in render_scale([MEMORY, REDIS], [DELIVERIES], [STORM])
    assert "met (!)" in render_scale([replace(MEMORY, server_waited=0.06), REDIS], [], [])
    assert "0.80 (!)" in render_scale([MEMORY, replace(REDIS, server_waited=0.06)], [], [])
    assert "150,000 (*)" in render_scale([], [replace(DELIVERIES, generator_busy=0.95)], [])


def test_what_the_store_was_asked_is_counted_by_command() -> None:
    assert "redis, fresh" in render_scale([], [], [STORM])
    assert "get 2100, xrange 2100" in render_scale([], [], [STORM])
    assert "nothing" in render_scale([], [], [replace(STORM, asked={})])


def test_a_run_is_kept_with_its_cells_and_a_page_of_its_own(tmp_path: Path) -> None:
    machine = {"processor": "p", "cores": 2, "kernel": "k", "python": "3", "source": "s"}
    run = ScaleRun(
        "2026-01-02T03:04:05", "command", machine, "fanwire", ["nats: not here"], [MEMORY], [DELIVERIES], [STORM]
    )
    kept = json.loads(record_scale(run, tmp_path).read_text())
    assert kept["storms"][0]["asked"] == {"xrange": 2100, "get": 2100}
    page = (tmp_path / PAGE).read_text()
    assert "not measured: nats: not here" in page
    assert "150,000" in page
