"""bench.storm_report: verdicts on the largest size, doubts said."""

import re
from dataclasses import asdict, replace

import pytest

from bench.storm_cells import StormCell, StormSetting
from bench.storm_dialogue import Resume
from bench.storm_report import render_storms, summarise_storms
from bench.verdicts import render_verdicts

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


def _verdicts(*cells: StormCell) -> str:
    return render_verdicts("reconnect_storm", [asdict(row) for row in summarise_storms(cells)])


@pytest.mark.parametrize(("per_s", "verdict"), [(2_500.0, "met"), (2_499.0, "MISSED")])
def test_the_rate_is_judged_at_the_largest_size(per_s: float, verdict: str) -> None:
    said = _verdicts(QUARTER, replace(CELL, live_per_s=per_s))
    assert f"{per_s:,.0f} /s, wanted at least 2,500 /s: {verdict}" in said


@pytest.mark.parametrize(("kib", "verdict"), [(20.0, "met"), (20.1, "MISSED")])
def test_the_memory_of_an_idle_connection_is_judged_at_the_largest_size(kib: float, verdict: str) -> None:
    assert f"{kib:g} KiB, wanted at most 20 KiB: {verdict}" in _verdicts(QUARTER, replace(CELL, rss_kib=kib))


@pytest.mark.parametrize(("gone_cpu_us", "verdict"), [(75.0, "met"), (76.0, "MISSED")])
def test_disconnecting_is_linear_when_one_costs_at_most_half_as_much_again(gone_cpu_us: float, verdict: str) -> None:
    said = _verdicts(QUARTER, replace(CELL, gone_cpu_us=gone_cpu_us))
    assert f"{gone_cpu_us / 50:g} ×, wanted at most 1.5 ×: {verdict}" in said


def test_growth_is_taken_within_its_round_so_that_a_slow_round_cancels_out() -> None:
    cells = []
    for round_, slowness in enumerate([1.0, 5.0, 5.0], start=1):
        cells += [replace(QUARTER, round=round_, gone_cpu_us=50.0 * slowness)]
        cells += [replace(CELL, round=round_, gone_cpu_us=55.0 * slowness)]
    assert [row.growth for row in summarise_storms(cells)] == [1.0, pytest.approx(1.1)]


def test_a_disconnect_below_the_clock_has_no_verdict_rather_than_a_good_one() -> None:
    said = _verdicts(replace(QUARTER, gone_cpu_us=0.0), CELL)
    assert re.search("CPU time of a disconnect .*: no verdict", said)


def test_a_lone_size_says_nothing_of_growth() -> None:
    assert re.search("CPU time of a disconnect .*: no verdict", _verdicts(CELL))


def test_sizes_that_measured_something_else_are_marked_and_explained() -> None:
    text = render_storms(summarise_storms([replace(CELL, generator_busy=0.95, server_waited=0.3)]))
    assert "3,333 (*) (!)" in text
    assert "(*) load generator limited" in text
    assert "(!) in some round something else ran" in text
    assert "met (*) (!)" in _verdicts(replace(CELL, generator_busy=0.95, server_waited=0.3))


def test_few_clients_warm_a_gateway_up_so_that_what_they_leave_behind_is_little() -> None:
    resume = Resume(topics=1, missed=3, rooms=100)
    assert [StormSetting(clients, resume, 256).warm_up for clients in (10_000, 2_500, 50)] == [50, 25, 1]
