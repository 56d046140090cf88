"""How many messages a second can backends publish over HTTP, and how soon does one arrive at a gateway that is idle?

Machine: Linux, two cores that nothing else uses (the server is pinned to core 0, the load generator to core 1), a C
compiler, ``pip install -e '.[bench]'``. Loopback only. About four minutes with the defaults.

Command::

    python -m bench.publish_throughput [--in-flight 1,8,32] [--batches 100,1000] [--subscribers 0,1] [--seconds 3]
                                       [--rounds 3] [--json PATH] [--record] [--plot [PATH]]

What is done, each time on a fresh gateway with ``auth.mode = "jwt"`` and the memory bus:

1. *Single*: as many connections as ``--in-flight`` says, kept alive, each with one ``POST /api/publish`` of one
   envelope on its way (no pipelining), and the next when its answer has come. Every request carries the token (HS256),
   every message an id of its own, and about 180 bytes arrive. All go to one topic, with no subscriber or one.
2. *Batches* of so many envelopes, on one connection and on four. ``server.max_frame_bytes`` is 256 KiB here: 1,000 such
   envelopes do not fit the default of 64 KiB. All else but the admission limits is as it comes.
3. *Idle*: one message every 10 ms, and one subscriber. This is an open loop: the time goes from when the message was
   *due* to its arrival at the subscriber's socket, and so has in it what the load generator needs to wake up.

Before each window it is published for half a second (in 3 for a second, at a fifth of the rate), or as long as the
window where that is shorter, which is not counted.

How to read it: ``messages/s`` is what was answered with a position, on one core: the server's. ``CPU µs`` is its user
and system time per message, and ``by CPU`` how many fill a core: the numbers to compare between machines.
``answer`` is the time from sending a request to its whole answer, ``arrival`` from there to the subscriber, for every
message of a batch. ``busy`` are shares of one core. Load above 90 % is marked (*): the generator was the bottleneck.
(!): for more than 5 % of a window something else ran on the server's core while the server had work to do; then look
at CPU, not at rates and times. CPU time is counted in ticks of 10 ms.

What it is not: publishers at their own rate. The loop of 1 and 2 is closed: a gateway that stalls is sent less, so that
it measures capacity, and the times at that load (``bench.token_stream`` is the open loop). No TLS, no bus but memory.
"""

import argparse
from collections.abc import Iterator
from functools import partial

from bench.attempts import Attempts
from bench.outputs import publish
from bench.preparation import require_descriptors, require_program
from bench.progress import Progress
from bench.publish_cells import PublishCell, PublishSetting, measure_idle, measure_publishing
from bench.publish_report import QUESTION, of_kind
from bench.record import begin_run
from bench.servers import Unavailable, resolve
from bench.stream_cells import StreamCell
from bench.window_options import numbers_up_to, window_parser

__all__ = ["main", "settings_of"]

_BATCHES_IN_FLIGHT = (1, 4)
_MOST_IN_FLIGHT, _MOST_BATCH = 256, 1000


def main() -> int:
    """Measure; 0 when every cell was measured, 1 when some are missing (the report says which)."""
    options = _parser().parse_args()
    ways = list(settings_of(options.in_flight, options.batches, options.subscribers))
    with Progress(options.rounds * (len(ways) + 1)) as progress:
        try:
            require_descriptors(max(options.in_flight))
            program, idle_program = require_program("publish_load"), require_program("stream_load")
            server = resolve("fanwire").described
        except Unavailable as error:
            progress.say(str(error))
            return 1
        begun = begin_run("publish_throughput")
        cells, idle = Attempts(_announce, progress), Attempts(_announce_idle, progress)
        for round_ in range(1, options.rounds + 1):
            for way in ways:
                cells.measure(
                    f"round {round_}, {way}", partial(measure_publishing, way, options.seconds, round_, program)
                )
            idle.measure(f"round {round_}, idle", partial(measure_idle, options.seconds, round_, idle_program))
    measured = [*of_kind("publish", cells.cells), *of_kind("idle", idle.cells)]
    setting = {"loop": f"closed, windows of {options.seconds:g} s"}
    skipped = cells.skipped + idle.skipped
    return publish(QUESTION, begun, options, measured, servers={"fanwire": server}, setting=setting, skipped=skipped)


def settings_of(in_flight: list[int], batches: list[int], subscribers: list[int]) -> Iterator[PublishSetting]:
    """Every way of publishing that was asked for, without a subscriber and with one."""
    for count in subscribers:
        yield from (PublishSetting(1, connections, count) for connections in in_flight)
        for batch in batches:
            yield from (PublishSetting(batch, connections, count) for connections in _BATCHES_IN_FLIGHT)


def _parser() -> argparse.ArgumentParser:
    parser = window_parser("publish_throughput", (__doc__ or "").splitlines()[0], seconds=3, rounds=3)
    parser.add_argument("--in-flight", type=numbers_up_to(_MOST_IN_FLIGHT), default=[1, 8, 32], metavar="N,N")
    parser.add_argument("--batches", type=numbers_up_to(_MOST_BATCH), default=[100, 1000], metavar="N,N")
    parser.add_argument("--subscribers", type=_zero_or_one, default=[0, 1], metavar="0,1")
    return parser


def _zero_or_one(text: str) -> list[int]:
    numbers = sorted({int(part) for part in text.split(",")})
    if not set(numbers) <= {0, 1}:
        raise argparse.ArgumentTypeError(f"{text}: must be 0, 1 or 0,1")
    return numbers


def _announce(cell: PublishCell) -> str:
    limited = "  LOAD GENERATOR LIMITED" if cell.generator_limited else ""
    return (
        f"round {cell.round}  batches of {cell.batch}, {cell.in_flight} in flight, {cell.subscribers} subscribers  "
        f"{cell.messages_per_s:,.0f}/s  CPU {cell.cpu_us:.1f} µs  answer p99 {cell.answer_p99_ms:.2f} ms{limited}"
    )


def _announce_idle(cell: StreamCell) -> str:
    return f"round {cell.round}  idle gateway, due to socket  p50 {cell.p50_ms} ms  p99 {cell.p99_ms} ms"


if __name__ == "__main__":
    raise SystemExit(main())
