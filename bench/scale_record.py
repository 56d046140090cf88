"""Keeps results of ``bench.scale_out``: a run as JSON, and in ``bench/results/`` a dated file and a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.record import RESULTS_FOLDER, result_path
from bench.scale_cells import FreshCell, LatencyCell, ThroughputCell
from bench.scale_report import render_scale

__all__ = ["PAGE", "ScaleRun", "record_scale", "write_scale"]

PAGE = "scale_out.md"


@dataclass(frozen=True, slots=True)
class ScaleRun:
    """One run: where, what was asked, what is missing, and every raw cell."""

    date: str
    command: str
    machine: Mapping[str, object]
    server: str
    skipped: Sequence[str]
    latencies: Sequence[LatencyCell]
    throughputs: Sequence[ThroughputCell]
    storms: Sequence[FreshCell]

    def rendered(self) -> str:
        return render_scale(self.latencies, self.throughputs, self.storms)


def write_scale(run: ScaleRun, path: Path) -> None:
    """Write ``run`` to ``path``. Raises: OSError when the path cannot be written."""
    path.write_text(json.dumps({"question": "scale_out"} | asdict(run), indent=1) + "\n")


def record_scale(run: ScaleRun, folder: Path = RESULTS_FOLDER) -> Path:
    """Keep ``run`` in ``folder``, rewrite its page there, and return the JSON file's path.

    Raises: OSError when the folder cannot be written.
    """
    path = result_path("scale_out", run.date, folder)
    write_scale(run, path)
    (folder / PAGE).write_text(_page(run, path.name))
    return path


def _page(run: ScaleRun, file_name: str) -> str:
    machine = run.machine
    missing = "\n".join(f"- not measured: {reason}" for reason in run.skipped)
    return (
        f"# What a shared bus and more workers cost\n\nWritten by `{run.command}`; raw cells in "
        f"[{file_name}]({file_name}).\n\n"
        f"{run.date}, {machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}, source {machine['source']}.\n\n"
        f"{run.server}\n\n{missing}\n\n{run.rendered()}\n\n"
        "How to read the columns: the header of `bench/scale_out.py`.\n"
    )
