"""What happens to the healthy subscribers when some stop reading?

Machine: Linux, two cores that nothing else uses (the server is pinned to core 0, the load generator to core 1),
a C compiler, ``pip install -e '.[bench]'``. Loopback only. A window takes ``--seconds`` or the time of 250 messages,
whichever is longer, and at most 12 s of waiting for what is late: about ten minutes with the defaults.

Command::

    python -m bench.slow_clients [--subscribers 1000] [--stalled 0,10,50] [--seconds 10] [--rounds 3]
                                 [--rates 200,100,50,25,10,5] [--servers fanwire,fastapi[,websockets,...]]
                                 [--policy disconnect[,catch_up,...]] [--json PATH] [--record] [--plot [PATH]]

What is done: the stalled subscribers complete the handshake, subscribe with the smallest receive buffer there is,
and never read again. One publisher then sends 1 KiB messages on a fixed schedule, whatever comes back (open loop).
Each server is measured at the highest of ``--rates`` that it carries with nobody stalled (in 2 s nothing missing, 99 %
within 250 ms), and all of them at the lowest of those; Fanwire at the highest rate as well.

How to read it: a latency goes from the time at which a publish was *due* to its arrival at one healthy subscriber;
every delivery of every healthy subscriber counts, and one that never came ranks behind all others: ``never`` in p99
says that more than 1 % is missing. ``max`` is the slowest that did come. ``p99 × baseline`` compares with the window
of the same round in which nobody is stalled; below 1 means less work, as the stalled are no longer written to. ``RSS``
is what the server grew by in the window, and at its peak. ``let go`` counts stalled connections that the server closed
within the window; ``read on later`` is what such a subscriber finds when it reads again afterwards: a close code, a
reset, an end without a code, or none within 4 s (what a server had written before it let go, the kernel still hands
out, and slowly). ``server busy`` and ``load busy`` are shares of one core; load above 90 % is marked (*), as the
generator then measures itself. A cell is marked (!) when for more than 5 % of the window something else ran on the
server's core while the server had work to do: then look at what is missing, and not at latencies and ratios.

What it is not: a test for other traffic than one busy topic with one publisher, which is how the design with
``asyncio.gather`` reads its event source: it awaits one broadcast before it takes the next event. Uvicorn ends a
connection that answers no ping after 40 s, which is longer than most windows here. Segments are limited to 1,460
bytes, so that the kernel buffers per connection what it would on a network, and not the 2.6 MB of loopback.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.generator import GeneratorFailed
from bench.machine import raise_descriptor_limit
from bench.native import build
from bench.outputs import publish
from bench.processes import ServerDied
from bench.progress import Progress
from bench.record import begin_run
from bench.servers import Unavailable
from bench.stall_cells import Setting, StallCell, Subject, keeps_up, measure_stalls
from bench.stall_options import make_parser
from bench.stall_report import QUESTION
from bench.stall_subjects import find_subjects

__all__ = ["main"]

_SPARE_DESCRIPTORS = 200
_FAILURES = (ServerDied, GeneratorFailed, ProcessLookupError, FileNotFoundError)


@dataclass(frozen=True, slots=True)
class _Bench:
    """What was asked, the load generator, and what could not be measured so far."""

    options: argparse.Namespace
    program: Path
    progress: Progress
    skipped: list[str]

    def skip(self, reason: str, cells: int = 0) -> None:
        self.skipped.append(reason)
        self.progress.advance(f"SKIPPED {reason}", cells)


def main() -> int:
    """Run the comparison; 0 when every cell was measured, 1 when some are missing (the report says which)."""
    options = make_parser((__doc__ or "").splitlines()[0]).parse_args()
    with Progress() as progress, tempfile.TemporaryDirectory() as folder:
        try:
            bench = _Bench(options, _prepare(options), progress, [])
        except Unavailable as error:
            progress.say(str(error))
            return 1
        begun = begin_run("slow_clients")
        subjects = _find_all(bench, Path(folder))
        carried = _probe_all(bench, subjects)
        cells = _measure_all(bench, subjects, carried)
    servers = {subject.server.name: subject.server.described for subject in subjects}
    setting = {"subscribers": options.subscribers, "carried with nobody stalled, messages/s": carried}
    return publish(QUESTION, begun, options, cells, servers=servers, setting=setting, skipped=bench.skipped)


def _prepare(options: argparse.Namespace) -> Path:
    """The load generator, built. Raises: Unavailable when something that was asked for cannot be had."""
    descriptors = raise_descriptor_limit()
    if options.subscribers + _SPARE_DESCRIPTORS > descriptors:
        reason = f"{options.subscribers} do not fit RLIMIT_NOFILE, {descriptors}; raise the hard limit first"
        raise Unavailable("--subscribers", reason)
    program = build("open_load")
    if program is None:
        raise Unavailable("load generator", "no C compiler, and Python cannot time 200,000 deliveries/s: install gcc")
    return program


def _find_all(bench: _Bench, folder: Path) -> list[Subject]:
    found: list[Subject] = []
    for name in bench.options.servers:
        not_built: list[str] = []
        try:
            found += find_subjects(name, bench.options.policy, folder, not_built)
        except Unavailable as error:
            bench.skip(str(error))
        for reason in not_built:
            bench.skip(reason)
    return found


def _probe_all(bench: _Bench, subjects: list[Subject]) -> dict[str, int]:
    """The highest rate that each server carries while nobody is stalled; one policy speaks for all."""
    carried: dict[str, int] = {}
    for subject in {subject.server.name: subject for subject in reversed(subjects)}.values():
        name = subject.server.name
        try:
            rate = _highest_rate(bench, subject)
        except _FAILURES as error:
            bench.skip(f"{name}: {error}")
            continue
        if rate is None:
            bench.skip(f"{name}: does not even carry {bench.options.rates[-1]}/s with nobody stalled")
        else:
            carried[name] = rate
            bench.progress.say(f"{name} carries {rate}/s with nobody stalled")
    return carried


def _highest_rate(bench: _Bench, subject: Subject) -> int | None:
    fits = (
        rate for rate in bench.options.rates if keeps_up(subject.server, rate, bench.options.subscribers, bench.program)
    )
    return next(fits, None)


def _measure_all(bench: _Bench, subjects: list[Subject], carried: dict[str, int]) -> list[StallCell]:
    lines = [(subject, rate) for subject in subjects for rate in _rates_of(subject, carried, bench.options.rates[0])]
    bench.progress.expect(bench.options.rounds * len(lines) * len(bench.options.stalled))
    cells: list[StallCell] = []
    for round_ in range(1, bench.options.rounds + 1):
        for subject, rate in lines:
            cells += _measure_shares(bench, subject, rate, round_)
    return cells


def _rates_of(subject: Subject, carried: dict[str, int], highest: int) -> list[int]:
    name = subject.server.name
    if name not in carried:
        return []
    rates = {carried[name], min(carried.values())}
    return sorted(rates | ({highest} if name == "fanwire" else set()), reverse=True)


def _measure_shares(bench: _Bench, subject: Subject, rate: int, round_: int) -> list[StallCell]:
    cells = []
    for percent in bench.options.stalled:
        setting = Setting(rate, percent, bench.options.subscribers, bench.options.seconds)
        try:
            cells.append(measure_stalls(subject, setting, round_, bench.program))
        except _FAILURES as error:
            bench.skip(f"round {round_}, {subject.name} at {rate}/s, {percent} % stalled: {error}", 1)
            continue
        bench.progress.advance(_in_words(cells[-1]))
    return cells


def _in_words(cell: StallCell) -> str:
    p99 = "never" if cell.p99_ms is None else f"{cell.p99_ms:.1f} ms"
    return (
        f"round {cell.round}  {cell.server} {cell.policy}  {cell.rate}/s  {cell.stalled_percent} % stalled  "
        f"p99 {p99}  missing {cell.missing:,} of {cell.due:,}  let go {cell.let_go} of {cell.stalled}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
