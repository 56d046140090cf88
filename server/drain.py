"""Drain: how the clients of a worker that stops are sent on their way, a few at a time.

Each is told when to come back (``reconnect``), gets what waits for it, and is closed 1012 when its turn has come.
Those who come back go where others are already, so the pace is one at which connections were taken before.
"""

import asyncio
import logging
import random
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from actors.clients import Client, Clients
from server.admission import Admission

__all__ = ["FLOOR_PER_S", "batches", "see_off", "window_s"]

FLOOR_PER_S = 250.0
"""A tenth of what one core takes: a gateway that never saw a rush has measured nothing but quiet."""

BATCH_S = 0.05
CLOSING_S = 1.0  # for closing handshakes, at the end

Leaver = TypeVar("Leaver")

log = logging.getLogger("fanwire.drain")


def window_s(connections: int, accepts_per_s: float, most_s: float) -> float:
    """Seconds over which ``connections`` come back at no more than ``accepts_per_s``; at most ``most_s``."""
    return min(connections / max(accepts_per_s, FLOOR_PER_S), most_s)


def batches(leavers: Sequence[Leaver], over_s: float) -> Iterator[tuple[float, Sequence[tuple[Leaver, float]]]]:
    """Who leaves together, as (seconds until then, (leaver, seconds after which it is to come back)...)."""
    turns = [(leaver, over_s * place / len(leavers)) for place, leaver in enumerate(leavers)]
    for number, batch in groupby(turns, key=lambda turn: int(turn[1] / BATCH_S)):
        yield number * BATCH_S, list(batch)


async def see_off(clients: Clients, admission: Admission, drain_s: float) -> None:
    """Returns when everybody has left; those who still have not after ``drain_s`` seconds are the caller's to cut off.

    The last second (a quarter, of a short drain) is for closing handshakes: who did not take what waits for it by
    then is closed all the same, and resumes.
    """
    closing_s = min(CLOSING_S, drain_s / 4)
    best_per_s = admission.best_accepts_per_s()
    over_s = window_s(len(clients), best_per_s, drain_s - 2 * closing_s)
    log.info("draining", extra={"clients": len(clients), "over_s": round(over_s, 3), "best_accepts_per_s": best_per_s})
    try:
        async with asyncio.timeout(drain_s - closing_s):
            await _in_turn(list(clients), over_s)
            await admission.until_empty()
    except TimeoutError:
        for client in clients:
            client.leave_now()
    await _until_empty(admission, closing_s)


async def _in_turn(leavers: list[Client], over_s: float) -> None:
    # Those who came together, from one page or behind one address, should not go together.
    random.shuffle(leavers)
    plan = list(batches(leavers, over_s))
    for _, batch in plan:
        for client, after_s in batch:
            client.announce_reconnect(round(after_s * 1000))
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for due_s, batch in plan:
        await asyncio.sleep(max(0.0, begun + due_s - loop.time()))
        for client, _ in batch:
            client.leave()


async def _until_empty(admission: Admission, patience_s: float) -> None:
    try:
        async with asyncio.timeout(patience_s):
            await admission.until_empty()
    except TimeoutError:
        log.warning("connections are cut off at the end of the drain", extra={"left": admission.connections})
