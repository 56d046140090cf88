"""How much memory does a connection cost that is open, subscribed to one topic, and idle?

Machine: Linux, two cores (the server is pinned to core 0, the load generator to core 1), a C compiler,
``pip install -e '.[bench]'``, and as many open files as connections (``ulimit -Hn``). Loopback only. About four minutes
with the defaults.

Command::

    python -m bench.idle_memory [--connections 1000,5000,10000] [--servers fanwire,websockets,fastapi] [--seconds 35]
                                [--rounds 1] [--json PATH] [--record] [--plot [PATH]]

What is done: a fresh server for each number of connections. A hundredth of them, 50 at most, come first and leave
again, so that what a server loads with its first connection is not counted. Then all connect, each with a token of its
own (HS256), and all subscribe to the same topic; memory is read. Fanwire is then left alone for ``--seconds``, in which
its heartbeat pings every connection and every ping is answered, and memory is read again. Fanwire has
``auth.mode = "jwt"`` and is as it comes but for the admission limits. The others do not look at the token and have no
heartbeat, as in ``bench.fan_out``; they get no pause.

How to read it: ``RSS`` is the growth of the server's resident memory from before they came, by connections, in KiB,
with Fanwire's actor, its mailbox, and the topic that each user has of its own. ``PSS`` is the same with every shared
page divided among those that share it. ``after the heartbeat`` is what it is in the end, with what the pings left
behind in the allocator, and ``pings`` is how many there were for each connection: below 1 the window was too short
for everyone to have had one. ``idle busy`` is the share of one core that the server used meanwhile. The target is
judged at the largest number of connections, in the end. The kernel's memory for the sockets is in none of these.

What it is not: connections that have talked. What a burst leaves behind is in ``left`` of ``bench.reconnect_storm``.
"""

import argparse
from functools import partial
from itertools import product

from bench.attempts import Attempts
from bench.idle_cells import SERVERS, IdleCell, idle_server, measure_idle
from bench.idle_report import QUESTION
from bench.outputs import publish
from bench.preparation import require_descriptors, require_program
from bench.progress import Progress
from bench.record import begin_run
from bench.servers import Unavailable
from bench.window_options import numbers_up_to, window_parser

__all__ = ["main"]

_MOST_CONNECTIONS = 60_000


def main() -> int:
    """Measure; 0 when every cell was measured, 1 when some are missing (the report says which)."""
    options = _parser().parse_args()
    with Progress() as progress:
        try:
            require_descriptors(max(options.connections))
            program = require_program("stream_load")
        except Unavailable as error:
            progress.say(str(error))
            return 1
        begun = begin_run("idle_memory")
        attempts = Attempts(_announce, progress)
        described = _described(options.servers, attempts)
        progress.expect(options.rounds * len(options.connections) * len(described))
        for round_ in range(1, options.rounds + 1):
            for connections, name in product(options.connections, described):
                attempts.measure(
                    f"round {round_}, {name}, {connections} connections",
                    partial(measure_idle, name, connections, options.seconds, round_, program),
                )
    setting = {"topics of a connection": 1, "heartbeat": f"for {options.seconds:g} s"}
    return publish(
        QUESTION, begun, options, attempts.cells, servers=described, setting=setting, skipped=attempts.skipped
    )


def _parser() -> argparse.ArgumentParser:
    parser = window_parser("idle_memory", (__doc__ or "").splitlines()[0], seconds=35, rounds=1)
    connections = numbers_up_to(_MOST_CONNECTIONS)
    parser.add_argument("--connections", type=connections, default=[1000, 5000, 10_000], metavar="N,N")
    parser.add_argument("--servers", type=_server_names, default=list(SERVERS), metavar="A,B")
    return parser


def _server_names(text: str) -> list[str]:
    names = list(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in SERVERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: unknown, choose from {', '.join(SERVERS)}")
    return names


def _described(names: list[str], attempts: Attempts[IdleCell]) -> dict[str, str]:
    """What each server is in words; those that cannot be had are skipped, and say what to install."""
    described = {}
    for name in names:
        try:
            described[name] = idle_server(name, 1, "not started").described
        except Unavailable as error:
            attempts.skip(str(error))
    return described


def _announce(cell: IdleCell) -> str:
    return (
        f"round {cell.round}  {cell.connections:,} connections  {cell.server}  RSS {cell.end_rss_kib:.1f} KiB  "
        f"PSS {cell.end_pss_kib:.1f} KiB each  {cell.pings:.2f} pings each  busy {cell.idle_busy:.1%}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
