"""What does one delivery cost, next to a C program that only calls ``send()`` once per subscriber?

Machine: Linux, two cores that nothing else uses (the server is pinned to core 0, the load generator to
core 1), a C compiler, ``pip install -e '.[bench]'``. About twenty minutes with the defaults; loopback only.

Command::

    python -m bench.fan_out [--subscribers 100,1000,5000] [--outstanding 1,16] [--seconds 3] [--rounds 3]
                            [--servers floor,fanwire,fastapi,...] [--json PATH] [--record] [--plot [PATH]]

Without ``--servers`` all of ``bench/README.md``'s table are measured; what is not installed yet is, without root.

How to read it: ``× floor`` is the server's CPU time per delivery (user + system, from /proc) by that of the
floor in the same round, median of the rounds: the number to compare between machines. 1.00 is what the kernel
alone asks; a server that joins several messages into one write can be below it. ``p50``/``p99`` go from a
publish until the last subscriber has it. ``KiB/conn`` is the growth of resident memory by the connections.
``server busy`` and ``load busy`` are shares of one core. Load above 90 %: the cell is marked, and only the
CPU column means anything. Both far below 90 %: something else used these cores, and rates and latencies say
more about that than about the server.

What it is not: the loop is closed. A fixed number of messages is outstanding, and the next is published when
the oldest has reached the last subscriber, so a server that stalls is sent less. It measures capacity and the
latency at that load, not what publishers arriving at their own rate would meet (coordinated omission).
"""

import argparse
from pathlib import Path

from bench.cells import Cell, measure_server
from bench.generator import GeneratorFailed, build_generator
from bench.machine import raise_descriptor_limit
from bench.outputs import add_outputs, publish
from bench.processes import ServerDied
from bench.progress import Progress
from bench.record import begin_run
from bench.report import QUESTION
from bench.servers import SERVERS, Server, Unavailable, resolve

__all__ = ["main"]

# Descriptors that a server or the generator needs besides one per subscriber.
_SPARE_DESCRIPTORS = 200


def main() -> int:
    """Run the comparison; 0 when every cell was measured, 1 when some are missing (the report says which)."""
    options = _parser().parse_args()
    skipped: list[str] = []
    begun = begin_run("fan_out")
    generator = build_generator()
    with Progress() as progress:
        servers = _available(options.servers, skipped, progress)
        sizes = _sizes_that_fit(options.subscribers, raise_descriptor_limit(), skipped, progress)
        progress.expect(options.rounds * len(sizes) * len(servers) * len(options.outstanding))
        cells = _measure_all(servers, sizes, options, generator, skipped, progress)
    described = {server.name: server.described for server in servers}
    setting = {"load generator": "C" if generator else "Python", "loop": "closed"}
    return publish(QUESTION, begun, options, cells, servers=described, setting=setting, skipped=skipped)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.fan_out", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--subscribers", type=_positive_numbers, default=[100, 1000, 5000], metavar="N,N")
    parser.add_argument("--outstanding", type=_positive_numbers, default=[1, 16], metavar="N,N")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one window")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", type=_server_names, default=list(SERVERS), metavar="A,B")
    add_outputs(parser, "fan_out")
    return parser


def _positive_numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text}: each number must be 1 or more")
    return numbers


def _server_names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in SERVERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: unknown, choose from {', '.join(SERVERS)}")
    return names


def _available(names: list[str], skipped: list[str], progress: Progress) -> list[Server]:
    found = []
    for name in names:
        try:
            found.append(resolve(name))
        except Unavailable as error:
            skipped.append(str(error))
            progress.say(f"SKIPPED {error}")
    return found


def _sizes_that_fit(sizes: list[int], descriptors: int, skipped: list[str], progress: Progress) -> list[int]:
    for size in sizes:
        if size + _SPARE_DESCRIPTORS > descriptors:
            skipped.append(f"{size} subscribers: RLIMIT_NOFILE is {descriptors}; raise the hard limit first")
            progress.say(f"SKIPPED {skipped[-1]}")
    return [size for size in sizes if size + _SPARE_DESCRIPTORS <= descriptors]


def _measure_all(
    servers: list[Server],
    sizes: list[int],
    options: argparse.Namespace,
    generator: Path | None,
    skipped: list[str],
    progress: Progress,
) -> list[Cell]:
    cells: list[Cell] = []
    for round_ in range(1, options.rounds + 1):
        for size in sizes:
            for server in _rotated(servers, round_):
                measured = measure_server(server, size, options.outstanding, options.seconds, round_, generator)
                done = len(cells)
                try:
                    for cell in measured:
                        cells.append(cell)
                        progress.advance(_in_words(cell))
                except (ServerDied, GeneratorFailed, ProcessLookupError) as error:
                    skipped.append(f"round {round_}, {server.name}, {size} subscribers: {error}")
                    lost = len(options.outstanding) - (len(cells) - done)
                    progress.advance(f"SKIPPED {skipped[-1]}", lost)
    return cells


def _rotated(servers: list[Server], round_: int) -> list[Server]:
    # No server is always the one that follows the same neighbour.
    first = (round_ - 1) % len(servers) if servers else 0
    return servers[first:] + servers[:first]


def _in_words(cell: Cell) -> str:
    limited = " LOAD GENERATOR LIMITED" if cell.generator_limited else ""
    return (
        f"round {cell.round}  {cell.subscribers:>5} × {cell.outstanding:<2} {cell.server:<11}"
        f"{cell.cpu_us:7.2f} µs  {cell.deliveries_per_s:>9,.0f}/s  p99 {cell.p99_ms:.1f} ms{limited}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
