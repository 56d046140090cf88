"""bench.stream_report and StreamCell: what is held, which rate is the highest, and doubts that are said."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from bench_cells import STREAM_CELL as CELL

from bench.stream_load import parse_result
from bench.stream_report import render_many_topics, render_token_streams, summarise_streams

LOST = replace(CELL, messages_per_s=20_000, messages=200_000, due=400_000, missing=1)


def test_a_lag_that_stays_is_held() -> None:
    assert CELL.keeps_up
    assert replace(CELL, quarters_ms=[100.0, 100.0, 100.0, 220.0]).keeps_up


def test_a_lag_of_more_than_a_second_is_not_held_even_if_it_stays() -> None:
    assert replace(CELL, quarters_ms=[1000.0, 1000.0, 1000.0, 1000.0]).keeps_up
    assert not replace(CELL, quarters_ms=[1001.0, 1001.0, 1001.0, 1001.0]).keeps_up


def test_a_lag_that_grows_is_not_held_even_if_everything_came() -> None:
    assert not replace(CELL, quarters_ms=[50.0, 100.0, 200.0, 300.0]).keeps_up


@pytest.mark.parametrize(
    "loss",
    [
        {"missing": 1},
        {"disordered": 1},
        {"refused": 1},
        {"unsent": 1},
        {"tabs_ended": 1},
        {"quarters_ms": [2.0, None, 2.0, 2.0]},
    ],
)
def test_whatever_is_lost_is_not_held(loss: Mapping[str, object]) -> None:
    assert not replace(CELL, **loss).keeps_up  # type: ignore[arg-type]


def test_the_highest_rate_that_was_held_is_named_with_its_deliveries() -> None:
    text = render_token_streams(summarise_streams([LOST, CELL]))
    assert "Highest rate held by one core: 10 tokens a second each, 20,000 deliveries to 2,000 tabs." in text
    assert [row.held for row in summarise_streams([LOST, CELL])] == [True, False]


def test_one_round_that_was_not_held_is_enough_for_a_rate() -> None:
    text = render_token_streams(summarise_streams([CELL, replace(CELL, round=2, tabs_ended=3)]))
    assert "Highest rate held by one core: none of these." in text


@pytest.mark.parametrize(("cpu_us", "rate"), [(50.0, "20 tokens a second each"), (50.1, "10 tokens a second each")])
def test_what_fits_a_core_by_cpu_time_is_said_apart_from_what_was_held(cpu_us: float, rate: str) -> None:
    text = render_token_streams(summarise_streams([replace(LOST, message_cpu_us=cpu_us), CELL]))
    assert f"no more than one core by CPU time alone: {rate}" in text


def test_what_never_came_is_said_and_not_left_out_of_the_median() -> None:
    cells = [replace(CELL, round=number, p99_ms=None if number > 1 else 8.0) for number in (1, 2, 3)]
    assert summarise_streams(cells)[0].p99_ms is None
    assert "never" in render_token_streams(summarise_streams(cells))


def test_cells_that_measured_something_else_are_marked_and_explained() -> None:
    for render in (render_token_streams, render_many_topics):
        text = render(summarise_streams([replace(CELL, generator_busy=0.95, server_waited=0.3)]))
        assert "yes (*) (!)" in text
        assert "(*) load generator limited" in text
        assert "(!) in some round something else ran" in text


def test_the_generators_own_lateness_is_said_for_the_worst_round() -> None:
    text = render_token_streams(summarise_streams([CELL, replace(CELL, round=2, generator_late_ms=7.5)]))
    assert "late by 7.5 ms at most" in text


def test_memory_of_a_topic_has_a_column_of_its_own() -> None:
    text = render_many_topics(summarise_streams([CELL]))
    assert "KiB/topic" in text
    assert " 4.0 |" in text


def test_quarters_together_are_the_whole_window() -> None:
    rest = '"disordered":0,"refused":0,"unsent":0,"tabs_ended":0,"late_us":1,"tail_s":0,"wall_s":1,"generator_cpu_s":0'
    quarters = '[{"due":2,"histogram":[[5,1],[9,1]]},{"due":3,"histogram":[[5,2]]}]'
    result = parse_result(f'{{"messages":5,"received":4,{rest},"quarters":{quarters}}}')
    assert result.due == 5
    assert result.histogram == [(5, 3), (9, 1)]
