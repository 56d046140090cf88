"""Keeps results of ``bench.slow_clients``: a run as JSON, and in ``bench/results/`` a dated file and a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.record import RESULTS_FOLDER, result_path
from bench.stall_cells import StallCell
from bench.stall_report import render_stalls, summarise_stalls

__all__ = ["PAGE", "StallRun", "record_stalls", "write_stalls"]

PAGE = "slow_clients.md"


@dataclass(frozen=True, slots=True)
class StallRun:
    """One run of the program: where, what was asked, which rate each server carried, and every raw cell."""

    date: str
    command: str
    machine: Mapping[str, object]
    servers: Mapping[str, str]
    carried: Mapping[str, int]
    skipped: Sequence[str]
    cells: Sequence[StallCell]


def write_stalls(run: StallRun, path: Path) -> None:
    """Write ``run``, its medians and ratios to ``path``. Raises: OSError when the path cannot be written."""
    medians = [asdict(row) for row in summarise_stalls(run.cells)]
    path.write_text(json.dumps({"question": "slow_clients"} | asdict(run) | {"medians": medians}, indent=1) + "\n")


def record_stalls(run: StallRun, folder: Path = RESULTS_FOLDER) -> Path:
    """Keep ``run`` in ``folder``, rewrite its page there, and return the JSON file's path.

    Raises: OSError when the folder cannot be written.
    """
    path = result_path("slow_clients", run.date, folder)
    write_stalls(run, path)
    (folder / PAGE).write_text(_page(run, path.name))
    return path


def _page(run: StallRun, file_name: str) -> str:
    machine = run.machine
    servers = [f"- **{name}**: {described}" for name, described in run.servers.items()]
    carried = [f"- {name} carries {rate} messages a second with nobody stalled" for name, rate in run.carried.items()]
    missing = [f"- not measured: {reason}" for reason in run.skipped]
    facts = "\n".join([*servers, *carried, *missing])
    return (
        f"# What stalled subscribers do to the others\n\nWritten by `{run.command}`; raw cells in "
        f"[{file_name}]({file_name}).\n\n"
        f"{run.date}, {machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}, source {machine['source']}.\n\n{facts}\n\n"
        f"{render_stalls(summarise_stalls(run.cells))}\n\n"
        "How to read the columns: the header of `bench/slow_clients.py`.\n"
    )
