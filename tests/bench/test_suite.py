"""bench.suite: it says what it will run and how long that takes, goes on when one fails, and names it."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.question import Question
from bench.questions import QUESTIONS
from bench.record import last_runs
from bench.suite import SELECTION, Selected, plan, run_all

ROOT = Path(__file__).parents[2]
TINY = Selected("fan_out", "--servers floor --subscribers 5 --outstanding 1 --seconds 0.2 --rounds 1", 2)


def test_every_question_is_in_the_selection_once() -> None:
    assert sorted(each.name for each in SELECTION) == sorted(question.name for question in QUESTIONS)


def test_the_plan_names_each_command_and_the_time_of_all() -> None:
    text = plan([TINY, Selected("scale_out", "--rounds 1", 118)])
    assert "About 2 min in all:" in text
    assert "2 s  python -m bench.fan_out --servers floor" in text


@pytest.mark.slow
def test_one_that_fails_is_named_and_the_others_are_recorded(tmp_path: Path) -> None:
    too_many = Selected("fan_out", "--servers floor --subscribers 100000000", 1)
    unknown = Selected("scale_out", "--buses pigeon", 1)
    assert run_all([unknown, too_many, TINY], tmp_path) == ["scale_out", "fan_out"]
    run = last_runs(tmp_path)["fan_out"]
    assert run.cells[0]["subscribers"] == 5
    assert run.command == f"python -m bench.fan_out {TINY.options}"


@pytest.mark.slow
def test_a_list_measures_nothing() -> None:
    command = [sys.executable, "-m", "bench.suite", "--list", "--only", "ops_cost"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert listed.stdout.count("python -m bench.") == 1


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_the_selected_options_are_ones_that_the_program_has(question: Question) -> None:
    (selected,) = [each for each in SELECTION if each.name == question.name]
    command = [sys.executable, *selected.arguments, "--help"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    options = [word for word in selected.options.split() if word.startswith("--")]
    assert [option for option in options if option not in listed.stdout] == []
    assert all(option in listed.stdout for option in ("--json", "--record", "--plot"))
