"""What does a topic cost, in memory and per delivery, when there are thousands with one subscriber each?

Machine: Linux, two cores that nothing else uses (the server is pinned to core 0, the load generator to core 1), a C
compiler, ``pip install -e '.[bench]'``, and as many open files as connections (``ulimit -Hn``). Loopback only. About
two minutes with the defaults.

Command::

    python -m bench.many_topics [--topics 10000] [--each 1,100] [--rate 2000] [--backends 4] [--tick-ms 20]
                                [--seconds 10] [--rounds 3] [--json PATH] [--record] [--plot [PATH]]

What is done, on a fresh gateway with ``auth.mode = "jwt"`` and the memory bus for each of ``--each``: every connection
is a user of its own with a token of its own and subscribes to so many topics that each topic has one subscriber:
10,000 connections with one topic, or 100 connections with 100. Then ``--rate`` messages a second over all topics, round
robin, about 180 bytes each when they arrive: ``--backends`` connections have an equal share of the topics and publish
with ``POST /api/publish`` a batch every ``--tick-ms``. One second at a fifth of the rate goes before, uncounted.

How to read it: the loop is open. A latency goes from the tick at which a message was *due* to its arrival, whatever the
gateway does meanwhile; what never came ranks last. ``CPU µs`` is the server's user and system time per delivery, HTTP
and all; as every topic has one subscriber that is also what a message costs. ``KiB/connection`` is the growth of
resident memory until all are connected, by connections; each has its user's own topic, too, and what the gateway loads
with its first connection shows where there are few. ``KiB/topic`` is the growth from there until all are subscribed,
by topics: the topic's actor, its mailbox and the subscription. ``KiB/history`` is the growth by what was published, by
topics: histories keep 1,000 messages for 10 minutes, so it grows with the window, and it has the bus's ids.
``held``, ``busy``, (*) and (!): as in ``bench.token_stream``.

What it is not: topics that come and go, or two subscribers on a topic that share what a message costs.
"""

import argparse
from functools import partial

from bench.attempts import Attempts
from bench.outputs import publish
from bench.preparation import require_descriptors, require_program
from bench.progress import Progress
from bench.record import begin_run
from bench.servers import Unavailable, resolve
from bench.stream_cells import StreamCell, StreamSetting, measure_stream
from bench.stream_dialogue import tabs_in_runs
from bench.stream_report import MANY_TOPICS
from bench.window_options import numbers_up_to, up_to, window_parser

__all__ = ["main"]

_MAX_BATCH = 500
_MOST_TOPICS = 60_000
_TEXT = " token"


def main() -> int:
    """Measure; 0 when every cell was measured, 1 when some are missing (the report says which)."""
    options = _options()
    with Progress(options.rounds * len(options.each)) as progress:
        try:
            require_descriptors(-(-options.topics // min(options.each)) + options.backends)
            program, server = require_program("stream_load"), resolve("fanwire").described
        except Unavailable as error:
            progress.say(str(error))
            return 1
        begun = begin_run("many_topics")
        attempts = Attempts(_announce, progress)
        for round_ in range(1, options.rounds + 1):
            for each in options.each:
                name, setting = f"round {round_}, {each} topics each", _setting(options, each)
                attempts.measure(name, partial(measure_stream, setting, round_, program))
    servers, facts = {"fanwire": server}, {"load": _in_words(options)}
    return publish(
        MANY_TOPICS, begun, options, attempts.cells, servers=servers, setting=facts, skipped=attempts.skipped
    )


def _options() -> argparse.Namespace:
    parser = window_parser("many_topics", (__doc__ or "").splitlines()[0], seconds=10, rounds=3)
    parser.add_argument("--topics", type=up_to(_MOST_TOPICS), default=10_000)
    parser.add_argument("--each", type=numbers_up_to(500), default=[1, 100], help="topics of a connection")
    parser.add_argument("--rate", type=up_to(200_000), default=2000, help="messages a second, over all topics")
    parser.add_argument("--backends", type=up_to(100), default=4, help="connections that publish")
    parser.add_argument("--tick-ms", type=up_to(1000), default=20, help="between two batches of a backend")
    options = parser.parse_args()
    if options.backends > options.topics:
        parser.error(f"--backends: {options.backends} have nothing to do with {options.topics} topics")
    return options


def _setting(options: argparse.Namespace, each: int) -> StreamSetting:
    return StreamSetting(
        tabs=tabs_in_runs(options.topics, each),
        topics=options.topics,
        backends=options.backends,
        tick_ms=options.tick_ms,
        max_batch=_MAX_BATCH,
        messages_per_s=options.rate,
        seconds=options.seconds,
        text=_TEXT,
    )


def _in_words(options: argparse.Namespace) -> str:
    return (
        f"{options.topics:,} topics with one subscriber each, {options.rate:,} messages a second over all of them, "
        f"{options.backends} backends, a batch every {options.tick_ms} ms; windows of {options.seconds:g} s, "
        f"medians of {options.rounds} round(s)"
    )


def _announce(cell: StreamCell) -> str:
    limited = "  LOAD GENERATOR LIMITED" if cell.generator_limited else ""
    return (
        f"round {cell.round}  {cell.topics:,} topics, {cell.tabs:,} connections  p50 {cell.p50_ms} ms  "
        f"p99 {cell.p99_ms} ms  {cell.delivery_cpu_us:.1f} µs a delivery  {cell.topic_kib:.1f} KiB a topic{limited}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
