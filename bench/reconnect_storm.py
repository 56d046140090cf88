"""How fast are all clients live again when they come back at once, and what does an idle connection cost?

Machine: Linux, two cores that nothing else uses (the server is pinned to core 0, the load generator to core 1), a C
compiler, ``pip install -e '.[bench]'``, and as many open files as clients (``ulimit -Hn``). Loopback only. Two minutes
with the defaults.

Command::

    python -m bench.reconnect_storm [--clients 10000] [--rounds 3] [--topics 1] [--missed 3] [--in-flight 256]
                                    [--json PATH] [--record] [--plot [PATH]]

What is done: a fresh gateway with ``auth.mode = "jwt"`` for each size (a quarter, a half and all of ``--clients``) of
each round. It has the history of 100 topics. Then the storm: every client is a user of its own, opens a connection
with its own token (HS256), waits for ``hello``, subscribes with ``since`` to ``--topics`` of them, and is *live* when
``subscribed`` has said that all is recovered and the ``--missed`` messages of each topic have come, each once and in
order; anything else ends the run with what the gateway said. At most ``--in-flight`` clients are on their way at any
time, and the next begins as one becomes live. All stay, idle, until memory is read. Then all connections are reset.

How to read it: ``live/s`` is clients by the time until the last of them is live, on one core: the server's. ``CPU µs``
is the server's CPU time (user + system) per client, the number to compare between machines. The times go from the
*beginning of the storm*, when all are due, and not from a client's own connect(), so that whoever waits for its place
is charged to the server (no coordinated omission); p50 is when half of them are live, ``max`` when all are.
``RSS`` and ``PSS`` are the growth of the server's resident memory per connection, read when all are live (no pause:
being live is the event), with its user's own topic and what the storm left behind in the allocator. ``left`` is what of
it remains when all are gone; Python keeps it for the next ones. The kernel's own memory for the sockets is in none of
them. ``gone`` is the time from the first reset until the server holds no connection any more, in steps of 20 ms, and
the server's CPU time for each. CPU time is counted in ticks of 10 ms.
``server busy`` and ``load busy`` are shares of one core. Load above 90 % is marked (*): the generator was the
bottleneck, and only memory and the CPU of the server mean anything. A size is marked (!) when for more than 5 % of a
storm something else ran on the server's core while the server had work to do: then look at CPU, not at rate and times.

What it is not: a storm over a network. Nobody gives up and tries again, which would make a slow server's storm longer,
and there is no TLS. Clients spread their return in practice (``reconnect_jitter_ms``); here they do not.
"""

import argparse
from pathlib import Path

from bench.generator import GeneratorFailed
from bench.machine import raise_descriptor_limit
from bench.native import build
from bench.outputs import publish
from bench.processes import ServerDied
from bench.progress import Progress
from bench.record import begin_run
from bench.servers import Unavailable
from bench.storm_cells import StormCell, StormSetting, measure_storm
from bench.storm_dialogue import Resume
from bench.storm_options import ROOMS, make_parser, sizes_of
from bench.storm_report import QUESTION
from bench.storm_server import authenticated_server

__all__ = ["main"]

# Descriptors that the server or the generator needs besides one per client.
_SPARE_DESCRIPTORS = 200
_FAILURES = (ServerDied, GeneratorFailed, RuntimeError, OSError)


def main() -> int:
    """Run all storms; 0 when every one was measured, 1 when some are missing (the report says which)."""
    options = make_parser((__doc__ or "").splitlines()[0]).parse_args()
    sizes, skipped = sizes_of(options.clients), list[str]()
    with Progress(options.rounds * len(sizes)) as progress:
        try:
            program = _prepare(options)
            server = authenticated_server(options.clients, "not started").described
        except Unavailable as error:
            progress.say(str(error))
            return 1
        begun = begin_run("reconnect_storm")
        cells = _measure_all(options, sizes, program, skipped, progress)
    servers, setting = {"fanwire": server}, {"clients": _in_words(options)}
    return publish(QUESTION, begun, options, cells, servers=servers, setting=setting, skipped=skipped)


def _prepare(options: argparse.Namespace) -> Path:
    """The load generator, built. Raises: Unavailable when something that was asked for cannot be had."""
    descriptors = raise_descriptor_limit()
    if options.clients + _SPARE_DESCRIPTORS > descriptors:
        reason = f"{options.clients} do not fit RLIMIT_NOFILE, {descriptors}; raise the hard limit first"
        raise Unavailable("--clients", reason)
    program = build("storm_load")
    if program is None:
        raise Unavailable("load generator", "no C compiler, and in Python it would measure itself: install gcc")
    return program


def _in_words(options: argparse.Namespace) -> str:
    behind = f"{options.missed} messages behind on {options.topics} of {ROOMS} topics"
    return f"{behind}, at most {options.in_flight} on their way at any time"


def _measure_all(
    options: argparse.Namespace, sizes: list[int], program: Path, skipped: list[str], progress: Progress
) -> list[StormCell]:
    resume = Resume(options.topics, options.missed, ROOMS)
    cells = []
    for round_ in range(1, options.rounds + 1):
        for size in sizes:
            try:
                cells.append(measure_storm(StormSetting(size, resume, options.in_flight), round_, program))
            except _FAILURES as error:
                skipped.append(f"round {round_}, {size} clients: {error}")
                progress.advance(f"SKIPPED {skipped[-1]}")
                continue
            progress.advance(_told(cells[-1]))
    return cells


def _told(cell: StormCell) -> str:
    limited = "  LOAD GENERATOR LIMITED" if cell.generator_limited else ""
    return (
        f"round {cell.round}  {cell.clients:,} clients  {cell.live_per_s:,.0f}/s  CPU {cell.cpu_us:,.0f} µs each  "
        f"all live after {cell.wall_s:.2f} s  {cell.rss_kib:.1f} KiB each  gone in {cell.gone_s:.2f} s{limited}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
