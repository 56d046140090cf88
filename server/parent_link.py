"""ParentLink: a worker's line to its parent process. What it is to be, what its siblings are, and when it is alone.

Implements ``server.siblings.Siblings``. Owns the questions to the parent that are under way: however many ask for
the same at once, the parent is asked once.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.metrics.readings import Readings
from server.siblings import AllReadings, SiblingsUnknown, WorkerState
from server.worker_channel import LINE_BYTES, ChannelLost, WorkerChannel

__all__ = ["Orders", "ParentLink"]

PARENT_S = 3.0  # the parent gives each worker a second


@dataclass(frozen=True, slots=True)
class Orders:
    """Which worker of its gateway this process is, and the port that all of them share."""

    number: int
    port: int


class ParentLink:
    def __init__(self, orders: Orders, channel: WorkerChannel, ask: Callable[[str], Awaitable[object]]) -> None:
        self.orders = orders
        self.number = orders.number
        self._channel = channel
        self._ask = ask
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    @classmethod
    async def open(
        cls, descriptor: int, *, answer: Callable[[str], Awaitable[object]], lost: Callable[[], None]
    ) -> "ParentLink":
        """Over the inherited socket ``descriptor``. ``lost``: the parent has died. Raises: OSError, ConnectionError."""
        end = socket.socket(fileno=descriptor)
        end.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=end, limit=LINE_BYTES)
        first = await reader.readline()
        if not first:
            raise ConnectionResetError("the parent process is gone before it said what to do")
        orders = Orders(**json.loads(first)["value"])
        channel = WorkerChannel(reader, writer, answer=answer, heard=_heard_nothing, lost=lost)
        return cls(orders, channel, lambda what: channel.ask(what, PARENT_S))

    def tell_serving(self) -> None:
        """Connections are accepted from now on."""
        self._tell("serving")

    def tell_leaving(self) -> None:
        """No connection is accepted any more."""
        self._tell("leaving")

    async def close(self, last: Readings) -> None:
        """Leave ``last``, what was counted to the end, with the parent."""
        self._tell("readings", last.as_data())
        await self._channel.close()

    async def readings(self) -> AllReadings:
        data = await self._ask_once("readings")
        answered = {int(number): bool(did) for number, did in data["answered"].items()}
        return AllReadings(Readings.from_data(data["readings"]), answered, int(data["restarts"]))

    async def states(self) -> Mapping[int, WorkerState]:
        data = await self._ask_once("states")
        return {int(number): WorkerState(state) for number, state in data.items()}

    async def _ask_once(self, what: str) -> Any:
        """Raises: SiblingsUnknown."""
        task = self._under_way.get(what)
        if task is None:
            task = self._under_way[what] = asyncio.ensure_future(self._ask(what))
            task.add_done_callback(lambda done: self._answered(what, done))
        try:
            return await asyncio.shield(task)
        except (ChannelLost, TimeoutError):
            raise SiblingsUnknown from None

    def _answered(self, what: str, done: "asyncio.Task[Any]") -> None:
        del self._under_way[what]
        # Who asked may have hung up meanwhile: asking for the exception keeps asyncio from reporting it as missed.
        if not done.cancelled():
            done.exception()

    def _tell(self, what: str, value: object = None) -> None:
        try:
            self._channel.tell(what, value)
        except ChannelLost:
            # Without a parent there is nobody to tell; ``lost`` has been called, and the worker ends.
            return


def _heard_nothing(what: str, value: object) -> None:
    """A parent has no more to tell than the orders."""
