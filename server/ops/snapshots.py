"""One picture of the gateway, made at most once a second whoever asks, and the same bytes for all who do."""

import asyncio
import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from actors.clients import Client, Clients
from actors.directory import TopicDirectory
from actors.meter import Meter
from actors.ports import Clock
from actors.protocol.codec import encode
from actors.protocol.envelope import TopicName
from actors.runtime.overflow import OverflowPolicy
from actors.runtime.supervisor import Supervisor
from actors.topic_state import TopicState
from server.admission import Admission
from server.bus.metered import MeteredBus
from server.ops.actor_tree import tree_of
from server.ops.busiest_topics import BusiestTopics
from server.ops.measures import measures_of
from server.ops.odd_events import OddEvents
from server.ops.slices import largest
from server.ops.slow_clients import slow_clients

__all__ = ["FRESH_S", "Snapshots", "Watched"]

FRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class Watched:
    """What a snapshot is taken of: the parts of one worker, which are only looked at."""

    root: Supervisor
    clients: Clients
    directory: TopicDirectory
    meter: Meter
    bus: MeteredBus
    admission: Admission
    odd_events: OddEvents
    policy_of: Callable[[TopicName], OverflowPolicy]


class Snapshots:
    """Owns the last snapshot. Nobody asks, nothing is done: there is no timer."""

    def __init__(self, watched: Watched, clock: Clock) -> None:
        self._watched = watched
        self._clock = clock
        self._topics = BusiestTopics(watched.directory, watched.policy_of)
        self._began = clock.monotonic()
        self._version = _version()
        self._due = self._began
        self._body = b""
        self._making: asyncio.Task[None] | None = None

    async def latest(self) -> bytes:
        """The JSON object of docs/ops.md, at most ``FRESH_S`` old where the loop keeps up."""
        if self._making is None and self._clock.monotonic() >= self._due:
            self._making = asyncio.ensure_future(self._make())
        if self._making is not None:
            # Whoever asks and leaves must not take the snapshot away from the others.
            await asyncio.shield(self._making)
        return self._body

    async def _make(self) -> None:
        try:
            due = self._clock.monotonic() + FRESH_S
            self._body = encode(await self._look())
            self._due = due
        finally:
            self._making = None

    async def _look(self) -> dict[str, object]:
        """Measures first: a page that compares two snapshots divides their difference by that of ``time``."""
        watched, now, time = self._watched, self._clock.monotonic(), self._clock.time()
        measures = measures_of(watched.meter)
        await asyncio.sleep(0)
        restless = watched.clients.restless()
        deepest: Mapping[str, Iterable[Hashable]] = {
            "topics": [state.name for state in await _deepest_topics(watched.directory)],
            "clients": [client.session.client_id for client in await _deepest_clients(restless)],
        }
        return {
            "time": round(time, 3),
            "uptime_s": round(now - self._began, 3),
            "version": self._version,
            "pid": os.getpid(),
            "bus": {"name": watched.bus.name, "ready": watched.bus.ready},
            "connections": watched.admission.connections,
            **measures,
            "actors": await tree_of(watched.root, deepest),
            "slow_clients": await slow_clients(restless, watched.directory.top, now),
            "topics": await self._topics.look(now),
            "odd_events": watched.odd_events.last(),
        }


async def _deepest_topics(directory: TopicDirectory) -> Sequence[TopicState]:
    return await largest(directory.restless(), lambda state: state.mailbox.depth)


async def _deepest_clients(restless: Sequence[Client]) -> Sequence[Client]:
    return await largest(restless, lambda client: client.session.mailbox.depth)


def _version() -> str:
    try:
        return version("fanwire")
    except PackageNotFoundError:
        return "unknown"
