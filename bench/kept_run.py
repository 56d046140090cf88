"""One run of a program with its raw cells and its report: printed, written as JSON, kept with a page of its own."""

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.attempts import say
from bench.record import RESULTS_FOLDER, result_path

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["KeptRun", "command_line", "publish_run", "record_run", "write_run"]


@dataclass(frozen=True, slots=True)
class KeptRun:
    """``question`` is the program's name, ``title`` its question; ``report`` the text that the ``cells`` became."""

    question: str
    title: str
    date: str
    command: str
    machine: Mapping[str, object]
    servers: Mapping[str, str]
    setting: str
    skipped: Sequence[str]
    cells: Sequence["DataclassInstance"]
    report: str


def command_line(question: str) -> str:
    """The command that this process was started with."""
    return shlex.join(["python", "-m", f"bench.{question}", *sys.argv[1:]])


def publish_run(run: KeptRun, options: argparse.Namespace) -> int:
    """Print the run, keep it where ``options`` ask for that; 0 when every cell was measured, 1 when some are missing.

    Raises: OSError when a file cannot be written.
    """
    for name, described in run.servers.items():
        print(f"{name}: {described}")
    print(f"{run.setting}\n\n{run.report}")
    for reason in run.skipped:
        print(f"\nNOT MEASURED: {reason}")
    if options.json:
        write_run(run, options.json)
    if options.record:
        say(f"recorded in {record_run(run)}")
    return 1 if run.skipped or not run.cells else 0


def write_run(run: KeptRun, path: Path) -> None:
    """Write ``run`` to ``path``, cells and all. Raises: OSError when the path cannot be written."""
    path.write_text(json.dumps(asdict(run), indent=1) + "\n")


def record_run(run: KeptRun, folder: Path = RESULTS_FOLDER) -> Path:
    """Keep ``run`` in ``folder``, rewrite its page there, and return the JSON file's path.

    Raises: OSError when the folder cannot be written.
    """
    path = result_path(run.question, run.date, folder)
    write_run(run, path)
    (folder / f"{run.question}.md").write_text(_page(run, path.name))
    return path


def _page(run: KeptRun, file_name: str) -> str:
    machine = run.machine
    servers = "\n".join(f"- **{name}**: {described}" for name, described in run.servers.items())
    missing = "".join(f"- not measured: {reason}\n" for reason in run.skipped)
    return (
        f"# {run.title}\n\nWritten by `{run.command}`; raw cells in [{file_name}]({file_name}).\n\n"
        f"{run.date}, {machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}, source {machine['source']}.\n\n"
        f"{servers}\n\n{run.setting}\n\n{missing}\n{run.report}\n\n"
        f"How to read the columns: the header of `bench/{run.question}.py`.\n"
    )
