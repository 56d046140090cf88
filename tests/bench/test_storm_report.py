"""bench.storm_report and bench.storm_record: verdicts on the largest size, doubts said, pages kept apart."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.storm_cells import StormCell, StormSetting
from bench.storm_dialogue import Resume
from bench.storm_record import StormRun, record_storms
from bench.storm_report import render_storms, summarise_storms

CELL = StormCell(
    round=1,
    clients=10_000,
    topics=1,
    missed=3,
    in_flight=256,
    replayed=30_000,
    wall_s=3.0,
    live_per_s=3_333.0,
    cpu_us=290.0,
    p50_ms=1500.0,
    p99_ms=2970.0,
    max_ms=3000.0,
    rss_before_mib=45.0,
    rss_kib=18.0,
    pss_kib=17.5,
    left_kib=17.0,
    gone_s=0.5,
    gone_cpu_us=60.0,
    server_busy=0.97,
    server_waited=0.0,
    generator_busy=0.2,
)
QUARTER = replace(CELL, clients=2_500, replayed=7_500, rss_kib=30.0, live_per_s=100.0, gone_cpu_us=50.0)


@pytest.mark.parametrize(("per_s", "verdict"), [(2_500.0, "met"), (2_499.0, "MISSED")])
def test_the_rate_is_judged_at_the_largest_size(per_s: float, verdict: str) -> None:
    text = render_storms(summarise_storms([QUARTER, replace(CELL, live_per_s=per_s)]))
    assert f"at least 2,500 a second per core: {per_s:,.0f}, 3,448 by CPU time alone: {verdict}" in text


@pytest.mark.parametrize(("kib", "verdict"), [(20.0, "met"), (20.1, "MISSED")])
def test_the_memory_of_an_idle_connection_is_judged_at_the_largest_size(kib: float, verdict: str) -> None:
    text = render_storms(summarise_storms([QUARTER, replace(CELL, rss_kib=kib)]))
    assert f"at most 20 KiB per idle connection: {kib:.1f}: {verdict}" in text


@pytest.mark.parametrize(("gone_cpu_us", "verdict"), [(75.0, "met"), (76.0, "MISSED")])
def test_disconnecting_is_linear_when_one_costs_at_most_half_as_much_again(gone_cpu_us: float, verdict: str) -> None:
    text = render_storms(summarise_storms([QUARTER, replace(CELL, gone_cpu_us=gone_cpu_us)]))
    assert f"of what it costs at 2,500: × {gone_cpu_us / 50:.2f}: {verdict}" in text


def test_growth_is_taken_within_its_round_so_that_a_slow_round_cancels_out() -> None:
    cells = []
    for round_, slowness in enumerate([1.0, 5.0, 5.0], start=1):
        cells += [replace(QUARTER, round=round_, gone_cpu_us=50.0 * slowness)]
        cells += [replace(CELL, round=round_, gone_cpu_us=55.0 * slowness)]
    assert [row.growth for row in summarise_storms(cells)] == [1.0, pytest.approx(1.1)]


def test_a_disconnect_below_the_clock_has_no_verdict_rather_than_a_good_one() -> None:
    text = render_storms(summarise_storms([replace(QUARTER, gone_cpu_us=0.0), CELL]))
    assert "took less than a tick of the clock at 2,500: no verdict" in text


def test_a_lone_size_says_nothing_of_growth() -> None:
    assert "a disconnect costs" not in render_storms(summarise_storms([CELL]))


def test_sizes_that_measured_something_else_are_marked_and_explained() -> None:
    text = render_storms(summarise_storms([replace(CELL, generator_busy=0.95, server_waited=0.3)]))
    assert "3,333 (*) (!)" in text
    assert "(*) load generator limited" in text
    assert "(!) in some round something else ran" in text
    assert "met (*) (!)" in text


def test_few_clients_warm_a_gateway_up_so_that_what_they_leave_behind_is_little() -> None:
    resume = Resume(topics=1, missed=3, rooms=100)
    assert [StormSetting(clients, resume, 256).warm_up for clients in (10_000, 2_500, 50)] == [50, 25, 1]


def test_a_recorded_run_keeps_raw_cells_and_has_a_page_of_its_own(tmp_path: Path) -> None:
    machine = {"processor": "A processor", "cores": 2, "kernel": "6.1", "python": "3.11", "source": "abc"}
    (tmp_path / "README.md").write_text("of another question")
    run = StormRun("2025-01-02T03:04:05+0000", "the command", machine, "fanwire", "3 behind.", ["x: gone"], [CELL])
    path = record_storms(run, tmp_path)
    kept, page = json.loads(path.read_text()), (tmp_path / "reconnect_storm.md").read_text()
    assert path.name == "2025-01-02T0304-reconnect_storm.json"
    assert kept["machine"] == machine
    assert kept["cells"] == [asdict(CELL)]
    assert kept["medians"][0]["live_per_s"] == 3_333.0
    assert "fanwire. 3 behind." in page
    assert "not measured: x: gone" in page
    assert (tmp_path / "README.md").read_text() == "of another question"
