"""What does an open ops page cost the gateway, with thousands of connections?

Machine: Linux, two cores that nothing else uses (the server is pinned to core 0, everything else to core 1),
``pip install -e .``; a C compiler is used where there is one. Loopback only. With the defaults about four minutes.

Command::

    python -m bench.ops_cost [--connections 10000] [--seconds 20] [--rounds 5] [--json PATH]

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
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.cells import GENERATOR_CORE, SERVER_CORE
from bench.cpu import pin, usage
from bench.dialogue import publish_text
from bench.generator import GeneratorFailed, build_generator, run_generator
from bench.machine import describe_machine, raise_descriptor_limit
from bench.processes import Running, ServerDied, run_server
from bench.servers import Server, Unavailable, resolve

__all__ = ["Window", "main"]

_PATH = "/api/ops/snapshot"
_PERIOD_S = 1.0
_SETTLE_S = 3.0
_CONNECT_S = 120.0
_SPARE_DESCRIPTORS = 200
_TARGET = 0.01
_IDLE = {"FANWIRE_HEARTBEAT__INTERVAL_S": "1000000", "FANWIRE_HEARTBEAT__TIMEOUT_S": "2000000"}


@dataclass(frozen=True, slots=True)
class Window:
    """``busy``: the share of one core that the gateway used; ``answers_s``: how long each snapshot took to come."""

    seconds: float
    busy: float
    answers_s: tuple[float, ...]
    answer_bytes: int


def main() -> int:
    """Measure; 0 where the page costs less than the target, 1 where it costs more or nothing could be measured."""
    options = _parser().parse_args()
    needed, descriptors = options.connections + _SPARE_DESCRIPTORS, raise_descriptor_limit()
    if needed > descriptors:
        _say(
            f"--connections: {options.connections} do not fit RLIMIT_NOFILE, {descriptors}; raise the hard limit first"
        )
        return 1
    pin(0, GENERATOR_CORE)
    try:
        rounds = _measure(options)
    except (Unavailable, ServerDied, GeneratorFailed) as error:
        _say(str(error))
        return 1
    cost = _report(options, rounds)
    return 0 if cost < _TARGET else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each window")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the windows there as well")
    return parser


def _measure(options: argparse.Namespace) -> list[tuple[Window, Window]]:
    publish = publish_text(180, 0)
    with (
        run_server(_idle_fanwire(), SERVER_CORE) as server,
        run_generator(
            server.port, options.connections, publish, GENERATOR_CORE, _CONNECT_S, build_generator()
        ) as generator,
    ):
        generator.expect("publisher")
        generator.tell("go")
        _say(f"{options.connections:,} connections within {float(generator.expect('connected')):.1f} s")
        time.sleep(_SETTLE_S)
        return [_round(number, server, options.seconds) for number in range(1, options.rounds + 1)]


def _idle_fanwire() -> Server:
    server = resolve("fanwire")
    return replace(server, environment={**server.environment, **_IDLE})


def _round(number: int, server: Running, seconds: float) -> tuple[Window, Window]:
    without, having = _window(server, seconds, asks=False), _window(server, seconds, asks=True)
    _say(f"round {number}  nobody asks: {without.busy:.2%}  one page: {having.busy:.2%}")
    return without, having


def _window(server: Running, seconds: float, *, asks: bool) -> Window:
    page = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    answers_s, size = [], 0
    before, began = usage(server.pid).cpu_s, time.monotonic()
    due = began
    while (due := due + _PERIOD_S) <= began + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        if asks:
            asked = time.monotonic()
            size = _ask(page)
            answers_s.append(time.monotonic() - asked)
    took = time.monotonic() - began
    busy = (usage(server.pid).cpu_s - before) / took
    page.close()
    return Window(took, busy, tuple(answers_s), size)


def _ask(page: http.client.HTTPConnection) -> int:
    page.request("GET", _PATH)
    answer = page.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise ServerDied("fanwire", f"{_PATH} answered {answer.status}: {body[:200]!r}")
    return len(body)


def _report(options: argparse.Namespace, rounds: list[tuple[Window, Window]]) -> float:
    cost = statistics.median(having.busy - without.busy for without, having in rounds)
    answers_s = [answer for _, having in rounds for answer in having.answers_s]
    verdict = "below" if cost < _TARGET else "NOT below"
    print(f"{options.connections:,} idle connections, {options.rounds} rounds of two windows of {options.seconds:g} s")
    print(f"nobody asks   busy {statistics.median(without.busy for without, _ in rounds):.2%} of one core")
    print(f"one page      busy {statistics.median(having.busy for _, having in rounds):.2%} of one core")
    print(f"the page costs {cost:.2%} of one core: {verdict} the target of {_TARGET:.0%}")
    print(f"answered in   {statistics.median(answers_s) * 1e3:.1f} ms, {max(answers_s) * 1e3:.1f} ms at most")
    print(f"a snapshot has {rounds[-1][1].answer_bytes:,} bytes")
    if options.json:
        windows = [{"without": asdict(without), "with": asdict(having)} for without, having in rounds]
        options.json.write_text(json.dumps({"machine": describe_machine(), "cost": cost, "rounds": windows}, indent=1))
    return cost


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
