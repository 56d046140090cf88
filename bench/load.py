"""The load generator, a process of its own: ``python -m bench.load PORT SUBSCRIBERS PUBLISH_TEXT DIALECT``.

A line on stdout says where it is, a line on stdin lets it go on, so that the parent can look at the
server's CPU and memory while nothing happens::

    > publisher            the publisher is connected            < go
    > connected SECONDS    all subscribers are subscribed        < run OUTSTANDING WARM_UP SECONDS [AT_LEAST]
    > begin                warmed up, nothing outstanding        < go
    > end                  all that was published has arrived
    > result JSON          a LoopResult; waits for the next ``run`` or the end of stdin

DIALECT is a name in ``bench/dialects.py``. AT_LEAST messages, 1 unless told, are published in a window however long
they take. ``bench/peers/load.c`` speaks the same lines. Exit code 1 and a reason on stderr when the server misbehaves.
"""

import gc
import json
import sys
import time
from dataclasses import asdict

from bench.client_sockets import ServerRefused, connect_publisher, connect_subscribers
from bench.closed_loop import ClosedLoop, Stalled
from bench.dialects import DIALECTS, Dialect

__all__ = ["main"]


def main() -> None:
    """Do what the module's docstring says with the arguments of the process."""
    port, subscribers, publish = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    try:
        _serve_commands(port, subscribers, publish, DIALECTS[sys.argv[4]])
    except (ServerRefused, Stalled, OSError) as error:
        raise SystemExit(f"load generator: {error}") from error


def _serve_commands(port: int, subscribers: int, publish: str, dialect: Dialect) -> None:
    publisher = connect_publisher(port, dialect)
    _say("publisher")
    sys.stdin.readline()
    start_s = time.perf_counter()
    opened = connect_subscribers(port, subscribers, dialect)
    _say(f"connected {time.perf_counter() - start_s:.6f}")
    loop = ClosedLoop(publisher, opened, publish)
    # Nothing here makes cycles: the collector would only walk thousands of sockets in the middle of a window.
    gc.disable()
    for line in sys.stdin:
        _, outstanding, warm_up, seconds, *at_least = line.split()
        _measure(loop, int(outstanding), int(warm_up), float(seconds), int(at_least[0]) if at_least else 1)


def _measure(loop: ClosedLoop, outstanding: int, warm_up: int, seconds: float, at_least: int) -> None:
    loop.run(outstanding, warm_up, 0.0)
    _say("begin")
    sys.stdin.readline()
    result = loop.run(outstanding, at_least, seconds)
    _say("end")
    _say("result " + json.dumps(asdict(result)))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
