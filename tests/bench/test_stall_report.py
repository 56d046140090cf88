"""bench.stall_report and the quantiles below it: what never came ranks last, ratios stay within their round."""

from dataclasses import asdict, replace

import pytest

from bench.open_loop import OpenLoopResult, quantile_ms
from bench.stall_cells import Setting, StallCell
from bench.stall_report import render_stalls, summarise_stalls
from bench.verdicts import render_verdicts

CELL = StallCell(
    round=1,
    server="fanwire",
    policy="disconnect",
    rate=100,
    stalled_percent=0,
    subscribers=1000,
    stalled=0,
    messages=1000,
    window_s=10.0,
    p50_ms=2.0,
    p99_ms=10.0,
    max_ms=20.0,
    due=1_000_000,
    missing=0,
    disordered=0,
    refused=0,
    healthy_ended=0,
    publisher_ended=0,
    unsent=0,
    last_delivery_s=10.0,
    rss_before_mib=60.0,
    rss_growth_mib=1.0,
    rss_peak_growth_mib=1.5,
    server_busy=0.5,
    server_waited=0.0,
    generator_busy=0.4,
    late_ms=0.1,
    let_go=0,
    fates={},
)
STALLED = replace(CELL, stalled_percent=10, stalled=100, let_go=100, fates={"4509": 90, "reset": 10})
HUNG = replace(STALLED, server="fastapi", policy="–", p99_ms=None, missing=600_000, last_delivery_s=3.0)


def _verdicts(*cells: StallCell) -> str:
    return render_verdicts("slow_clients", [asdict(row) for row in summarise_stalls(cells)])


def _result(due: int, histogram: list[list[int]]) -> OpenLoopResult:
    received = sum(count for _, count in histogram)
    return OpenLoopResult(due, received, 0, 0, 0, 0, 0, 0, 1.0, 1.0, 0.5, histogram)


@pytest.mark.parametrize(("share", "expected"), [(0.50, 1.0), (0.98, 5.0), (0.99, None)])
def test_a_quantile_is_over_what_was_due_so_that_a_loss_is_never_an_improvement(
    share: float, expected: float | None
) -> None:
    assert quantile_ms(_result(100, [[1000, 60], [5000, 38]]), share) == expected


def test_a_ratio_is_taken_within_its_round_so_that_a_slow_round_cancels_out() -> None:
    cells = []
    for round_, (baseline, stalled) in enumerate([(10.0, 30.0), (100.0, 110.0), (10.0, 11.0)], start=1):
        cells += [replace(CELL, round=round_, p99_ms=baseline), replace(STALLED, round=round_, p99_ms=stalled)]
    baseline_row, stalled_row = summarise_stalls(cells)
    assert (baseline_row.ratio, stalled_row.ratio) == (1.0, 1.1)


@pytest.mark.parametrize(("p99_ms", "verdict"), [(11.9, "met"), (12.1, "MISSED")])
def test_the_target_is_a_move_of_less_than_a_fifth(p99_ms: float, verdict: str) -> None:
    said = _verdicts(CELL, replace(STALLED, p99_ms=p99_ms))
    assert f"{p99_ms / 10:g} × baseline, wanted below 1.2 × baseline: {verdict}" in said


def test_the_worst_setting_decides_and_a_median_that_never_came_is_worse_than_any() -> None:
    other = [replace(cell, rate=50, p99_ms=p99_ms) for cell, p99_ms in ((CELL, 10.0), (STALLED, 30.0))]
    assert "3 × baseline" in _verdicts(CELL, STALLED, *other)
    assert ": never, wanted below 1.2 × baseline: MISSED" in _verdicts(
        CELL, replace(STALLED, p99_ms=None, missing=600_000), *other
    )


def test_a_server_that_hung_is_told_by_what_the_healthy_got_and_when_it_ended() -> None:
    text = render_stalls(summarise_stalls([replace(HUNG, stalled_percent=0, p99_ms=9.0, missing=0), HUNG]))
    assert "the healthy got 400,000 of 1,000,000, nothing after 3.0 s of 10.0 s" in text


def test_one_round_in_three_that_hung_leaves_the_median_and_is_still_told() -> None:
    rounds = [replace(HUNG, round=1), *(replace(HUNG, round=n, p99_ms=9.0, missing=0) for n in (2, 3))]
    (row,) = summarise_stalls(rounds)
    assert (row.p99_ms, row.missing) == (9.0, 600_000)
    assert "the healthy got" in row.remark


def test_cells_that_measured_something_else_are_marked_and_explained() -> None:
    text = render_stalls(summarise_stalls([replace(CELL, generator_busy=0.95, server_waited=0.3)]))
    assert "10.0 (*) (!)" in text
    assert "(*) load generator limited" in text
    assert "(!) in some round something else ran" in text


def test_a_verdict_is_in_doubt_when_either_of_its_windows_was_disturbed() -> None:
    assert "MISSED by 317% (!)" in _verdicts(replace(CELL, server_waited=0.3), replace(STALLED, p99_ms=50.0))
    assert "MISSED by 317% (!)" in _verdicts(CELL, replace(STALLED, p99_ms=50.0, server_waited=0.3))


def test_a_window_is_long_enough_to_fill_every_buffer_in_front_of_a_stalled_subscriber() -> None:
    assert Setting(rate=5, stalled_percent=10, subscribers=1000, seconds=10.0).messages == 250
    assert Setting(rate=200, stalled_percent=10, subscribers=1000, seconds=10.0).messages == 2000
