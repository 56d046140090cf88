"""bench.report: how raw cells become the numbers that are quoted."""

import pytest

from bench.cells import Cell, percentile
from bench.report import render, summarise


def _cell(server: str, round_: int, cpu_us: float, generator_busy: float = 0.5) -> Cell:
    return Cell(
        round=round_,
        server=server,
        subscribers=1000,
        outstanding=1,
        messages=100,
        deliveries_per_s=1e5,
        cpu_us=cpu_us,
        p50_ms=1.0,
        p99_ms=2.0,
        rss_kib=10.0,
        connects_per_s=3000.0,
        server_busy=1.0,
        generator_busy=generator_busy,
        payload_bytes=180.0,
    )


def test_a_ratio_is_taken_within_its_round_so_that_a_slow_round_cancels_out() -> None:
    rounds = [(4.0, 8.0), (40.0, 80.0), (5.0, 15.0)]
    cells = []
    for number, (floor, other) in enumerate(rounds, start=1):
        cells += [_cell("floor", number, floor), _cell("other", number, other)]
    floor_row, other_row = summarise(cells)
    assert (floor_row.ratio, other_row.ratio) == (1.0, 2.0)
    assert other_row.cpu_us == 15.0


def test_without_a_floor_there_is_no_ratio_and_the_table_says_so() -> None:
    rows = summarise([_cell("other", 1, 8.0)])
    assert rows[0].ratio is None
    assert "–" in render(rows)


def test_a_cell_that_the_load_generator_limited_is_marked_and_explained() -> None:
    text = render(summarise([_cell("floor", 1, 4.0, generator_busy=0.95)]))
    assert "100,000 (*)" in text
    assert "load generator limited" in text


@pytest.mark.parametrize(("share", "value"), [(0.5, 51), (0.99, 100), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    assert percentile(list(range(1, 101)), share) == value
