"""A worker without a gateway: does over its channel what a real one does, or what the file that it is given says.

Usage: small_worker.py FILE DESCRIPTOR. FILE holds one word, read at the start, as a new release would be:
good, dies, hopeless, slow (never accepts), unready (its checks fail), silent (answers nothing), deaf (to SIGTERM).
SIGUSR1 makes it print what the parent says of all workers.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from actors.meter import Meter
from actors.metrics import WS_CONNECTED, WS_CONNECTIONS
from server.metrics.readings import Readings
from server.parent_link import ParentLink

HOPELESS = 3


async def run(mode: str, descriptor: int) -> None:
    meter, ended = Meter(), asyncio.Event()
    meter.add(WS_CONNECTED, 10)
    meter.watch(WS_CONNECTIONS, lambda: 4)

    async def answer(what: str) -> object:
        if mode == "silent":
            await asyncio.Event().wait()
        return {"bus": mode != "unready"} if what == "checks" else Readings.of(meter).as_data()

    link = await ParentLink.open(descriptor, answer=answer, lost=ended.set)
    say("started", link.number, mode)
    if mode == "dies":
        sys.exit(1)
    if mode == "hopeless":
        sys.exit(HOPELESS)

    async def report() -> None:
        states = await link.states()
        say("states", json.dumps(states))
        together = await link.readings()
        gauges = together.readings.gauges(WS_CONNECTIONS)
        connected = together.readings.counts(WS_CONNECTED)[""]
        counts = {"connected": connected, "open": gauges.get(""), "restarts": together.restarts}
        say("readings", json.dumps(counts | {"answered": together.answered}))

    tasks: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: tasks.append(asyncio.ensure_future(report())))
    loop.add_signal_handler(signal.SIGTERM, (lambda: None) if mode == "deaf" else ended.set)
    if mode != "slow":
        link.tell_serving()
        say("serving", link.number, mode)
    await ended.wait()
    link.tell_leaving()
    meter.add(WS_CONNECTED)
    await link.close(Readings.of(meter))
    say("ended", link.number, mode)


def say(*words: object) -> None:
    # One write for a line: several processes share the pipe, and print makes more than one where it is unbuffered.
    os.write(1, " ".join(map(str, ("worker", os.getpid(), *words))).encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]).read_text().strip(), int(sys.argv[2])))
