"""Runs a selection of the programs, records what they find and writes docs/performance.md: ``make bench``.

Command::

    python -m bench.suite [--only fan_out,scale_out] [--list]

The selection is short on purpose: one round of most, where a quiet machine gives what a quoted figure should have
three of. A program that cannot measure something says so, the others go on, and the page names what is missing.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.performance_page import PAGE, write
from bench.record import RESULTS_FOLDER, last_runs
from bench.servers import SERVERS

__all__ = ["SELECTION", "Selected", "main", "plan", "run_all"]

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Selected:
    """``python -m bench.NAME OPTIONS`` and about how long that takes, in seconds."""

    name: str
    options: str
    about_s: float

    @property
    def arguments(self) -> list[str]:
        return ["-m", f"bench.{self.name}", *shlex.split(self.options)]


SELECTION = (
    Selected("fan_out", "--subscribers 1000,5000 --seconds 2 --rounds 1", 20 * len(SERVERS)),
    Selected("slow_clients", "--stalled 0,10 --rates 200,25 --seconds 5 --rounds 1", 120),
    Selected("reconnect_storm", "--rounds 1", 40),
    Selected("scale_out", "--seconds 2 --rounds 1", 60),
    Selected("publish_throughput", "--in-flight 1,32 --seconds 2 --rounds 1", 50),
    Selected("token_stream", "--tabs 3000 --rates 20,50 --seconds 5 --rounds 1", 35),
    Selected("many_topics", "--seconds 5 --rounds 1", 40),
    Selected("idle_memory", "--connections 10000 --servers fanwire,websockets --rounds 1", 90),
    Selected("ops_cost", "--seconds 10 --rounds 2", 60),
)


def main() -> int:
    """Measure, record, write the page; 0 when everything was measured, 1 when something is missing."""
    options = _parser().parse_args()
    selection = [each for each in SELECTION if each.name in options.only]
    _say(plan(selection))
    if options.list:
        return 0
    failed = run_all(selection, RESULTS_FOLDER)
    write(last_runs())
    _say(f"wrote {PAGE.relative_to(_ROOT)}")
    if failed:
        _say(f"INCOMPLETE, see above: {', '.join(failed)}")
    return 1 if failed else 0


def plan(selection: Sequence[Selected]) -> str:
    """What will be run and how long each takes, in words."""
    lines = [f"  {_minutes(each.about_s):>7}  {shlex.join(['python', *each.arguments])}" for each in selection]
    return "\n".join([f"About {_minutes(sum(each.about_s for each in selection))} in all:", *lines])


def run_all(selection: Sequence[Selected], folder: Path) -> list[str]:
    """Run one after the other, record into ``folder``; the names of those that did not end with 0."""
    failed = []
    for each in selection:
        _say(f"\n# bench.{each.name}, about {_minutes(each.about_s)}")
        command = [sys.executable, *each.arguments, "--record", str(folder)]
        if subprocess.run(command, cwd=_ROOT, check=False).returncode:
            failed.append(each.name)
    return failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.suite", description=(__doc__ or "").splitlines()[0])
    known = [each.name for each in SELECTION]
    parser.add_argument("--only", type=_names, default=known, metavar="A,B", help=f"of {','.join(known)}")
    parser.add_argument("--list", action="store_true", help="print what would be run, and end")
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    known = [each.name for each in SELECTION]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: unknown, choose from {', '.join(known)}")
    return names


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _say(text: str) -> None:
    # Before what a child writes to the same place.
    print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
