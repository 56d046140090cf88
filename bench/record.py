"""Keeps results: a run as JSON, and in ``bench/results/`` a dated file per run and a page with the last."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.cells import Cell
from bench.report import render, summarise

__all__ = ["RESULTS_FOLDER", "Run", "read_git_state", "record_run", "result_path", "write_json"]

RESULTS_FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a bench program: what was asked, where, and every raw cell."""

    question: str
    date: str
    command: str
    machine: Mapping[str, object]
    servers: Mapping[str, str]
    load_generator: str
    skipped: Sequence[str]
    cells: Sequence[Cell]


def write_json(run: Run, path: Path) -> None:
    """Write ``run``, its medians and ratios to ``path``.

    Raises: OSError when the path cannot be written.
    """
    medians = [asdict(row) for row in summarise(run.cells)]
    path.write_text(json.dumps(asdict(run) | {"medians": medians}, indent=1) + "\n")


def record_run(run: Run, folder: Path = RESULTS_FOLDER) -> Path:
    """Keep ``run`` in ``folder``, rewrite the page there, and return the JSON file's path.

    Raises: OSError when the folder cannot be written.
    """
    path = result_path(run.question, run.date, folder)
    write_json(run, path)
    (folder / "README.md").write_text(_page(run, path.name))
    return path


def result_path(question: str, date: str, folder: Path = RESULTS_FOLDER) -> Path:
    """Where in ``folder``, made if need be, the result of a run begun at ``date`` (ISO 8601) is kept.

    Raises: OSError when the folder cannot be written.
    """
    folder.mkdir(exist_ok=True)
    return folder / f"{date[:16].replace(':', '')}-{question}.json"


def read_git_state() -> str:
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


def _page(run: Run, file_name: str) -> str:
    servers = "\n".join(f"- **{name}**: {described}" for name, described in run.servers.items())
    missing = "\n".join(f"- not measured: {reason}" for reason in run.skipped)
    machine = run.machine
    return (
        f"# Results\n\nWritten by `{run.command}`; raw cells in [{file_name}]({file_name}).\n\n"
        f"{run.date}, {machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}, source {machine['source']}. Load generator: {run.load_generator}.\n\n"
        f"{servers}\n{missing}\n\n{render(summarise(run.cells))}\n\n"
        "How to read the columns, and what a closed loop cannot show: the header of `bench/fan_out.py`.\n"
    )
