"""bench.record: a run that is kept can be read again, and the page shows the last one."""

import json
from dataclasses import asdict
from pathlib import Path

from bench.cells import Cell
from bench.record import Run, record_run

CELL = Cell(1, "floor", 1000, 1, 100, 1e5, 4.5, 1.0, 2.0, 0.1, 9000.0, 1.0, 0.5, 180.0)
MACHINE = {"processor": "A processor", "cores": 2, "kernel": "6.1", "python": "3.11", "source": "abc"}


def _run(date: str, skipped: list[str]) -> Run:
    return Run("fan_out", date, "python -m bench.fan_out", MACHINE, {"floor": "in C"}, "C", skipped, [CELL])


def test_a_recorded_run_keeps_machine_command_and_raw_cells(tmp_path: Path) -> None:
    path = record_run(_run("2025-01-02T03:04:05+0000", []), tmp_path)
    kept = json.loads(path.read_text())
    assert path.name == "2025-01-02T0304-fan_out.json"
    assert kept["machine"] == MACHINE
    assert kept["command"] == "python -m bench.fan_out"
    assert kept["cells"] == [asdict(CELL)]
    assert kept["medians"][0]["ratio"] == 1.0


def test_the_page_shows_the_last_run_and_what_it_could_not_measure(tmp_path: Path) -> None:
    record_run(_run("2025-01-02T03:04:05+0000", []), tmp_path)
    record_run(_run("2025-01-03T03:04:05+0000", ["fanwire: not installed"]), tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "2025-01-03T03:04:05" in page
    assert "2025-01-02T03:04:05" not in page
    assert "not measured: fanwire: not installed" in page
    assert len(list(tmp_path.glob("*.json"))) == 2
