"""What does an open ops page cost the gateway, with thousands of connections?

Machine: Linux, two cores that nothing else uses (the server is pinned to core 0, everything else to core 1),
``pip install -e .``; a C compiler is used where there is one. Loopback only. With the defaults about four minutes.

Command::

    python -m bench.ops_cost [--connections 10000] [--seconds 20] [--rounds 5]
                             [--json PATH] [--record] [--plot [PATH]]

What is done: the connections complete the handshake, subscribe to one topic and are then idle; the heartbeat is set
so long that it costs nothing here. Each round has two windows: one in which nobody asks, and one in which one page
asks for ``/api/ops/snapshot`` every second, on a connection that it keeps, as a browser does.

How to read it: ``busy`` is the gateway's CPU time (user and system) as a share of one core. What the page costs is the
median over the rounds of the difference of a round's two windows; the target is below 1 %. ``answered in`` is the
median and the largest time from asking to the last byte, as the page sees it.

What it is not: a gateway under load. Clients for whom something waits cost a snapshot about 5 µs each, those at rest
next to nothing: they are not looked at. CPU time is counted in ticks of 10 ms, which is 0.05 % of a window of 20 s.
"""

import argparse
import http.client
import time
from collections.abc import Iterator
from dataclasses import replace

from bench.cells import GENERATOR_CORE, SERVER_CORE
from bench.cpu import pin, usage
from bench.dialogue import publish_text
from bench.generator import GeneratorFailed, build_generator, run_generator
from bench.machine import raise_descriptor_limit
from bench.ops_report import QUESTION, OpsCell
from bench.outputs import add_outputs, publish
from bench.processes import Running, ServerDied, run_server
from bench.progress import Progress
from bench.record import begin_run
from bench.servers import Server, Unavailable, resolve

__all__ = ["main"]

_PATH = "/api/ops/snapshot"
_PERIOD_S = 1.0
_SETTLE_S = 3.0
_CONNECT_S = 120.0
_SPARE_DESCRIPTORS = 200
_IDLE = {"FANWIRE_HEARTBEAT__INTERVAL_S": "1000000", "FANWIRE_HEARTBEAT__TIMEOUT_S": "2000000"}


def main() -> int:
    """Measure; 0 when every window was, 1 when some are missing (the report says which)."""
    options = _parser().parse_args()
    needed, descriptors = options.connections + _SPARE_DESCRIPTORS, raise_descriptor_limit()
    cells, skipped = list[OpsCell](), list[str]()
    with Progress(2 * options.rounds) as progress:
        if needed > descriptors:
            asked = f"--connections: {options.connections} do not fit RLIMIT_NOFILE, {descriptors}"
            progress.say(f"{asked}; raise the hard limit first")
            return 1
        begun = begin_run("ops_cost")
        pin(0, GENERATOR_CORE)
        try:
            server = _idle_fanwire()
            for cell in _measure(options, server, progress):
                cells.append(cell)
                progress.advance(_in_words(cell))
        except (Unavailable, ServerDied, GeneratorFailed) as error:
            skipped.append(str(error))
            progress.say(f"SKIPPED {error}")
    servers = {"fanwire": server.described} if cells else {}
    setting = {"connections": f"{options.connections:,}, idle"}
    return publish(QUESTION, begun, options, cells, servers=servers, setting=setting, skipped=skipped)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each window")
    parser.add_argument("--rounds", type=int, default=5)
    add_outputs(parser, "ops_cost")
    return parser


def _measure(options: argparse.Namespace, server: Server, progress: Progress) -> Iterator[OpsCell]:
    publish_frame = publish_text(180, 0)
    with (
        run_server(server, SERVER_CORE) as running,
        run_generator(
            running.port, options.connections, publish_frame, GENERATOR_CORE, _CONNECT_S, build_generator()
        ) as generator,
    ):
        generator.expect("publisher")
        generator.tell("go")
        progress.say(f"{options.connections:,} connections within {float(generator.expect('connected')):.1f} s")
        time.sleep(_SETTLE_S)
        for round_ in range(1, options.rounds + 1):
            for asks in (False, True):
                yield _window(running, round_, options, asks=asks)


def _idle_fanwire() -> Server:
    server = resolve("fanwire")
    return replace(server, environment={**server.environment, **_IDLE})


def _window(server: Running, round_: int, options: argparse.Namespace, *, asks: bool) -> OpsCell:
    page = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    answers_s, size = [], 0
    before, began = usage(server.pid).cpu_s, time.monotonic()
    due = began
    while (due := due + _PERIOD_S) <= began + options.seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        if asks:
            asked = time.monotonic()
            size = _ask(page)
            answers_s.append(time.monotonic() - asked)
    took = time.monotonic() - began
    busy = (usage(server.pid).cpu_s - before) / took
    page.close()
    return OpsCell(round_, options.connections, asks, took, busy, answers_s, size)


def _ask(page: http.client.HTTPConnection) -> int:
    page.request("GET", _PATH)
    answer = page.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise ServerDied("fanwire", f"{_PATH} answered {answer.status}: {body[:200]!r}")
    return len(body)


def _in_words(cell: OpsCell) -> str:
    return f"round {cell.round}  {'one page' if cell.asks else 'nobody asks'}: {cell.busy:.2%} of one core"


if __name__ == "__main__":
    raise SystemExit(main())
