"""docs/performance.md: it is what the recorded results give, and says so where there is none."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.performance_page import COMMAND, PAGE, page, picture_name, write
from bench.question import Question
from bench.questions import QUESTIONS
from bench.record import Run, last_runs

RUNS = last_runs()


@pytest.fixture
def storm() -> Run:
    return RUNS["reconnect_storm"]


def test_the_page_is_what_the_recorded_results_give() -> None:
    assert PAGE.read_text() == page(RUNS), f"docs/performance.md is not what bench/results gives; run: {COMMAND}"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_picture_is_that_of_the_recorded_run_and_there_is_none_without_one(question: Question) -> None:
    picture = PAGE.parent / "images" / picture_name(question)
    run = RUNS.get(question.name)
    assert picture.exists() == (run is not None)
    assert run is None or f"{run.question} {run.date}" in picture.read_text(), f"run: {COMMAND}"


def test_every_recorded_run_is_told_on_the_page() -> None:
    assert set(RUNS) <= {question.name for question in QUESTIONS}


def test_medians_that_are_kept_are_those_of_the_cells() -> None:
    for question in QUESTIONS:
        if run := RUNS.get(question.name):
            assert question.summarise(run.cells) == run.medians, f"bench/results: {question.name}"


def test_without_results_the_page_says_of_each_question_that_it_is_not_recorded() -> None:
    text = page({})
    assert text.count(": not recorded yet.") == len(QUESTIONS)
    assert "MISSED" not in text


def test_what_could_not_be_measured_is_named(storm: Run) -> None:
    text = page({storm.question: replace(storm, skipped=["round 1, 10000 clients: gone"])})
    assert "- NOT MEASURED: round 1, 10000 clients: gone" in text


def test_a_run_in_which_nothing_was_measured_has_its_reasons_and_no_table(storm: Run) -> None:
    text = page({storm.question: replace(storm, cells=[], medians=[], skipped=["no C compiler"])})
    assert "NOT MEASURED: no C compiler" in text
    assert picture_name(QUESTIONS[2]) not in text


def test_a_machine_that_was_not_for_the_bench_alone_is_told(storm: Run) -> None:
    shared = replace(storm, machine={**storm.machine, "pinned": False})
    assert "NOT pinned" in page({storm.question: shared})
    assert "NOT pinned" not in page({storm.question: storm})


def test_a_target_that_is_missed_says_by_how_much(storm: Run) -> None:
    slow = replace(storm, cells=[{**cell, "live_per_s": 1250.0} for cell in storm.cells])
    assert "| at least 2,500 /s | 1,250 /s | MISSED by 50% |" in page({storm.question: slow})


@pytest.mark.slow
def test_the_same_results_give_the_same_bytes_and_what_has_no_run_loses_its_picture(storm: Run, tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    picture = tmp_path / "images" / "performance-reconnect-storm.svg"
    write({storm.question: storm}, path)
    first = picture.read_bytes()
    write({storm.question: storm}, path)
    assert picture.read_bytes() == first
    write({}, path)
    assert list(picture.parent.iterdir()) == []
