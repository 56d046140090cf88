"""bench.kept_run: a run is printed, and written with every raw cell; what is missing is said and makes it fail."""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from bench_cells import IDLE_CELL as CELL

from bench.kept_run import KeptRun, publish_run, record_run

RUN = KeptRun(
    question="idle_memory",
    title="What it costs",
    date="2025-01-02T03:04:05+0000",
    command="the command",
    machine={"processor": "A processor", "cores": 2, "kernel": "6.1", "python": "3.11", "source": "abc"},
    servers={"fanwire": "fanwire 1"},
    setting="The setting.",
    skipped=["x: gone"],
    cells=[CELL],
    report="| the table |",
)


def test_a_recorded_run_keeps_raw_cells_and_has_a_page_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("of another question")
    path = record_run(RUN, tmp_path)
    page = (tmp_path / "idle_memory.md").read_text()
    assert path.name == "2025-01-02T0304-idle_memory.json"
    assert json.loads(path.read_text())["cells"] == [asdict(CELL)]
    for expected in (
        "# What it costs",
        "the command",
        "fanwire 1",
        "The setting.",
        "not measured: x: gone",
        "| the table |",
    ):
        assert expected in page
    assert (tmp_path / "README.md").read_text() == "of another question"


def test_a_run_that_misses_a_cell_says_so_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = argparse.Namespace(json=tmp_path / "run.json", record=False)
    assert publish_run(RUN, options) == 1
    assert "NOT MEASURED: x: gone" in capsys.readouterr().out
    assert publish_run(replace(RUN, skipped=[]), options) == 0
    assert publish_run(replace(RUN, skipped=[], cells=[]), options) == 1
    assert json.loads((tmp_path / "run.json").read_text())["question"] == "idle_memory"
