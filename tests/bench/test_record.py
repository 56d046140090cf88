"""bench.record: a run that is kept can be read again, and only the last of a question is."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.cells import Cell
from bench.record import RESULTS_FOLDER, Begun, begin_run, last_runs, read_run, record_run
from bench.report import QUESTION

CELL = Cell(1, "floor", 1000, 1, 100, 1e5, 4.5, 1.0, 2.0, 0.1, 9000.0, 1.0, 0.5, 180.0)
MACHINE = {"processor": "A processor", "cores": 2, "kernel": "6.1", "python": "3.11", "source": "abc"}
BEGUN = Begun("fan_out", "2025-01-02T03:04:05+0000", "python -m bench.fan_out", MACHINE)
RUN = BEGUN.finish([CELL], QUESTION.summarise([asdict(CELL)]), {"floor": "in C"}, {"load generator": "C"}, ["x: gone"])


def test_a_recorded_run_is_read_as_it_was(tmp_path: Path) -> None:
    path = record_run(RUN, tmp_path)
    assert path.name == "2025-01-02T0304-fan_out.json"
    assert read_run(path) == RUN
    assert RUN.cells == [asdict(CELL)]
    assert RUN.medians[0]["ratio"] == 1.0


def test_a_cell_may_be_a_mapping_as_well() -> None:
    assert BEGUN.finish([{"round": 1, "busy": 0.5}], [], {}, {}, []).cells == [{"round": 1, "busy": 0.5}]


def test_a_run_begins_with_the_machine_and_the_state_of_the_sources() -> None:
    begun = begin_run("fan_out", [])
    assert {"processor", "cores", "python", "packages", "source", "pinned"} <= set(begun.machine)
    assert begun.command == "python -m bench.fan_out"


def test_a_newer_run_takes_the_place_of_the_older_one_of_its_question_alone(tmp_path: Path) -> None:
    record_run(RUN, tmp_path)
    record_run(replace(RUN, question="slow_clients"), tmp_path)
    newer = replace(RUN, date="2025-01-03T03:04:05+0000")
    record_run(newer, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2025-01-02T0304-slow_clients.json",
        "2025-01-03T0304-fan_out.json",
    ]
    assert last_runs(tmp_path)["fan_out"] == newer


@pytest.mark.parametrize("text", ["[]", json.dumps({"question": "fan_out"})])
def test_a_file_that_is_no_run_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"odd\.json: not a recorded run"):
        read_run(path)


def test_what_is_recorded_here_can_be_read_and_is_the_only_run_of_its_question() -> None:
    assert len(last_runs()) == len(list(RESULTS_FOLDER.glob("*.json")))
