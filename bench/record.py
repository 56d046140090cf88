"""Keeps results: a run of any bench program as JSON, and in ``bench/results/`` the last run of each question.

Owns the format of these files, which is the same for every question.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from bench.cells import GENERATOR_CORE, SERVER_CORE
from bench.machine import describe_machine

__all__ = [
    "RESULTS_FOLDER",
    "Begun",
    "Run",
    "as_mapping",
    "begin_run",
    "last_runs",
    "read_run",
    "record_run",
    "write_run",
]

RESULTS_FOLDER = Path(__file__).parent / "results"
_OUTPUTS = ("--json", "--record", "--plot")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a bench program, in values that JSON has.

    ``servers`` are what was measured, name to description; ``setting`` is what else a reader has to know, by name;
    ``skipped`` are reasons, one per thing that was asked for and is missing; ``cells`` are raw, ``medians`` the rows
    that are quoted. ``took_s`` is None in a file from before it was kept. Units are in the names of the fields.
    """

    question: str
    date: str
    took_s: float | None
    command: str
    machine: Mapping[str, Any]
    servers: Mapping[str, str]
    setting: Mapping[str, Any]
    skipped: Sequence[str]
    cells: Sequence[Mapping[str, Any]]
    medians: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of a run before anything is measured: the load of the machine then is that of others."""

    question: str
    date: str
    command: str
    machine: Mapping[str, Any]
    clock_s: float = field(default_factory=time.monotonic)

    def finish(
        self,
        cells: Iterable[Any],
        medians: Sequence[Mapping[str, Any]],
        servers: Mapping[str, str],
        setting: Mapping[str, Any],
        skipped: Sequence[str],
    ) -> Run:
        """The whole run; a cell is a dataclass or a mapping of values that JSON has."""
        took_s = round(time.monotonic() - self.clock_s, 1)
        plain = [as_mapping(cell) for cell in cells]
        return Run(
            self.question, self.date, took_s, self.command, self.machine, servers, setting, skipped, plain, medians
        )


def begin_run(question: str, arguments: Sequence[str] | None = None) -> Begun:
    """Call it before the first measurement of ``python -m bench.QUESTION``; says on stderr if cores are shared.

    ``arguments`` are those of this process unless given.
    """
    pinned = {SERVER_CORE, GENERATOR_CORE} <= os.sched_getaffinity(0)
    if not pinned:
        print("NOT PINNED: fewer than two cores; server and load generator share what there is", file=sys.stderr)
    machine = describe_machine() | {"source": _read_git_state(), "pinned": pinned}
    command = shlex.join(
        ["python", "-m", f"bench.{question}", *_what_was_asked(sys.argv[1:] if arguments is None else arguments)]
    )
    return Begun(question, time.strftime("%Y-%m-%dT%H:%M:%S%z"), command, machine)


def as_mapping(cell: Any) -> dict[str, Any]:
    """A dataclass or a mapping as a plain dict."""
    return dict(cell) if isinstance(cell, Mapping) else asdict(cell)


def write_run(run: Run, path: Path) -> None:
    """Write ``run`` to ``path``. Raises: OSError when the path cannot be written."""
    path.write_text(json.dumps(asdict(run), indent=1) + "\n")


def read_run(path: Path) -> Run:
    """The run that ``write_run`` wrote. Raises: OSError, or ValueError naming the file when it is something else."""
    found = json.loads(path.read_text())
    expected = {each.name for each in fields(Run)}
    if not isinstance(found, dict) or set(found) != expected:
        raise ValueError(f"{path}: not a recorded run; it must have the fields {', '.join(sorted(expected))}")
    return Run(**found)


def record_run(run: Run, folder: Path = RESULTS_FOLDER) -> Path:
    """Keep ``run`` in ``folder``, made if need be, in the place of older ones of its question; returns the path.

    Raises: OSError when the folder cannot be written.
    """
    folder.mkdir(exist_ok=True)
    path = folder / f"{run.date[:16].replace(':', '')}-{run.question}.json"
    write_run(run, path)
    for older in folder.glob(f"*-{run.question}.json"):
        if older != path:
            older.unlink()
    return path


def last_runs(folder: Path = RESULTS_FOLDER) -> dict[str, Run]:
    """The newest run of each question that ``folder`` has, by question. Raises: as ``read_run``."""
    runs = [read_run(path) for path in sorted(folder.glob("*.json"))]
    return {run.question: run for run in runs}


def _what_was_asked(arguments: Sequence[str]) -> list[str]:
    """Without where the result goes: that is of no use to a reader, and names folders of whoever ran it."""
    kept, goes_somewhere = [], False
    for argument in arguments:
        is_option = argument.startswith("--")
        goes_somewhere = argument.partition("=")[0] in _OUTPUTS if is_option else goes_somewhere
        if not goes_somewhere:
            kept.append(argument)
    return kept


def _read_git_state() -> str:
    """The checkout's commit, with ``+changes`` when files differ from it; ``unknown`` where there is none."""
    try:
        described = subprocess.run(
            ["git", "--no-optional-locks", "describe", "--always", "--dirty=+changes"],
            cwd=RESULTS_FOLDER.parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except FileNotFoundError:
        return "unknown"
    return described.stdout.strip() or "unknown"
