"""How many token streams of language models does one gateway carry to the tabs that watch them?

Machine: Linux, two cores that nothing else uses (the server is pinned to core 0, the load generator to core 1), a C
compiler, ``pip install -e '.[bench]'``. Loopback only. About two minutes with the defaults.

Command::

    python -m bench.token_stream [--streams 1000] [--tabs 2000] [--rates 10,20,30,40,50] [--backends 10]
                                 [--tick-ms 20] [--seconds 10] [--rounds 1] [--json PATH] [--record] [--plot [PATH]]

What is done, for each rate of each round on a fresh gateway with ``auth.mode = "jwt"`` and the memory bus: every tab is
a user of its own with a token of its own, and subscribes to one stream; with twice as many tabs as streams a stream has
1, 2 or 3, with three times as many it has 3. ``--backends`` connections share the streams (100 each by default) and
publish with ``POST /api/publish``, as a service does that reads from many models at once: every ``--tick-ms`` a batch
of all tokens that its streams produced meanwhile, about 180 bytes each when they arrive. The backends take turns within
a tick. One second at a fifth of the rate goes before and is not counted.

How to read it: the loop is open. A token is due with its tick whatever the gateway does, and a latency goes from there
to the arrival at one tab. A backend has one request on its way; what is due before that is answered waits, is charged
for it, and goes with the next batch (500 messages at most, which fits the default 64 KiB). What never came ranks behind
everything that did. ``lag`` is the median of what was due in each quarter of the window. A rate is *held* when every
token came to every tab, once and in order, and the lag of the last quarter is at most a second and not more than twice
that of the second (and 25 ms); that is in ``held``, for the worst of the rounds. ``CPU µs`` is the server's user and
system time by tokens and by deliveries. ``busy`` are shares of one core. Load above 90 % is marked (*): the load
generator was the bottleneck. (!): for more than 5 % of a window something else ran on the server's core while the
server had work to do; a rate that is not held is then not the gateway's fault alone, and the CPU columns say what it
could do.
``core needed`` is the rate by the CPU time of a token: above 100 % no machine like this one holds it, however quiet. At
a rate that is not held it is too low, as larger batches are cheaper.

What it is not: a network, TLS, or several workers. Longer batches would join more tokens of a stream into one write;
the tick is as short as a reader notices. 1,000 streams of 50 tokens are 100,000 deliveries a second to 2,000 tabs.
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
from bench.stream_dialogue import seats
from bench.stream_report import TOKEN_STREAM
from bench.window_options import numbers_up_to, up_to, window_parser

__all__ = ["main"]

_MAX_BATCH = 500
_TOKEN = " token"
_MOST_STREAMS = 5000


def main() -> int:
    """Measure; 0 when every rate was measured, held or not, and 1 when some are missing (the report says which)."""
    options = _options()
    with Progress(options.rounds * len(options.rates)) as progress:
        try:
            require_descriptors(options.tabs + options.backends)
            program, server = require_program("stream_load"), resolve("fanwire").described
        except Unavailable as error:
            progress.say(str(error))
            return 1
        begun = begin_run("token_stream")
        attempts = Attempts(_announce, progress)
        for round_ in range(1, options.rounds + 1):
            for rate in options.rates:
                name, setting = f"round {round_}, {rate} a second", _setting(options, rate)
                attempts.measure(name, partial(measure_stream, setting, round_, program))
    servers, facts = {"fanwire": server}, {"load": _in_words(options)}
    return publish(
        TOKEN_STREAM, begun, options, attempts.cells, servers=servers, setting=facts, skipped=attempts.skipped
    )


def _options() -> argparse.Namespace:
    parser = window_parser("token_stream", (__doc__ or "").splitlines()[0], seconds=10, rounds=1)
    parser.add_argument("--streams", type=up_to(_MOST_STREAMS), default=1000)
    parser.add_argument("--tabs", type=up_to(3 * _MOST_STREAMS), default=2000, help="1 to 3 for each stream")
    parser.add_argument("--rates", type=numbers_up_to(1000), default=[10, 20, 30, 40, 50], help="tokens a second, each")
    parser.add_argument("--backends", type=up_to(100), default=10, help="connections that publish")
    parser.add_argument("--tick-ms", type=up_to(1000), default=20, help="between two batches of a backend")
    options = parser.parse_args()
    if not options.streams <= options.tabs <= 3 * options.streams:
        parser.error(f"--tabs: {options.tabs} of {options.streams} streams; each must have 1 to 3")
    if options.backends > options.streams:
        parser.error(f"--backends: {options.backends} have nothing to do with {options.streams} streams")
    return options


def _setting(options: argparse.Namespace, rate: int) -> StreamSetting:
    return StreamSetting(
        tabs=seats(options.streams, options.tabs),
        topics=options.streams,
        backends=options.backends,
        tick_ms=options.tick_ms,
        max_batch=_MAX_BATCH,
        messages_per_s=options.streams * rate,
        seconds=options.seconds,
        text=_TOKEN,
    )


def _in_words(options: argparse.Namespace) -> str:
    return (
        f"{options.streams:,} streams, {options.tabs:,} tabs, {options.backends} backends that publish a batch every "
        f"{options.tick_ms} ms over HTTP; windows of {options.seconds:g} s; medians of {options.rounds} round(s)"
    )


def _announce(cell: StreamCell) -> str:
    held = "held" if cell.keeps_up else "NOT HELD"
    limited = "  LOAD GENERATOR LIMITED" if cell.generator_limited else ""
    return (
        f"round {cell.round}  {cell.messages_per_s // cell.topics} a second each  {held}  p50 {cell.p50_ms} ms  "
        f"p99 {cell.p99_ms} ms  server {cell.server_busy:.0%}  {cell.delivery_cpu_us:.1f} µs a delivery{limited}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
