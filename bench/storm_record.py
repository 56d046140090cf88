"""Keeps results of ``bench.reconnect_storm``: a run as JSON, and in ``bench/results/`` a dated file and a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.record import RESULTS_FOLDER, result_path
from bench.storm_cells import StormCell
from bench.storm_report import render_storms, summarise_storms

__all__ = ["PAGE", "StormRun", "record_storms", "write_storms"]

PAGE = "reconnect_storm.md"


@dataclass(frozen=True, slots=True)
class StormRun:
    """One run: where, what was asked, and every raw cell; ``setting`` says in words how clients resume."""

    date: str
    command: str
    machine: Mapping[str, object]
    server: str
    setting: str
    skipped: Sequence[str]
    cells: Sequence[StormCell]


def write_storms(run: StormRun, path: Path) -> None:
    """Write ``run`` and its medians to ``path``. Raises: OSError when the path cannot be written."""
    medians = [asdict(row) for row in summarise_storms(run.cells)]
    path.write_text(json.dumps({"question": "reconnect_storm"} | asdict(run) | {"medians": medians}, indent=1) + "\n")


def record_storms(run: StormRun, folder: Path = RESULTS_FOLDER) -> Path:
    """Keep ``run`` in ``folder``, rewrite its page there, and return the JSON file's path.

    Raises: OSError when the folder cannot be written.
    """
    path = result_path("reconnect_storm", run.date, folder)
    write_storms(run, path)
    (folder / PAGE).write_text(_page(run, path.name))
    return path


def _page(run: StormRun, file_name: str) -> str:
    machine = run.machine
    missing = "\n".join(f"- not measured: {reason}" for reason in run.skipped)
    return (
        f"# What it costs when everybody comes back\n\nWritten by `{run.command}`; raw cells in "
        f"[{file_name}]({file_name}).\n\n"
        f"{run.date}, {machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}, source {machine['source']}.\n\n"
        f"{run.server}. {run.setting}\n\n{missing}\n\n{render_storms(summarise_storms(run.cells))}\n\n"
        "How to read the columns: the header of `bench/reconnect_storm.py`.\n"
    )
