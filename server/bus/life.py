"""Life: being connected to a bus across a network, again and again, from ``begin`` until ``end``."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

__all__ = ["C", "Life", "LineLost", "NotConnected", "Timing"]

log = logging.getLogger("fanwire.bus")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: until an answer is given up; between two pings; of silence; most between two tries; between audits."""

    answer_s: float = 2.0
    ping_s: float = 1.0
    silence_s: float = 3.0
    back_off_s: float = 1.0
    audit_s: float = 10.0


class NotConnected(Exception):
    """The bus could not be reached, or not be used as it has to."""


class LineLost(Exception):
    """A connection is gone: whether what was asked on it has been done is not known."""


class Connections(Protocol):
    """The connections of one life."""

    async def open(self) -> None:
        """Raises: NotConnected, with what is wrong."""

    async def until_lost(self) -> str:
        """Returns why."""

    def lose(self, why: str) -> None:
        """Give them up."""

    async def close(self, why: str) -> None: ...


C = TypeVar("C", bound=Connections)


class Life(Generic[C]):
    """Owns the connections, None while there are none, and the tasks that make and close them.

    ``connect`` makes connections that are not open yet; ``came_up`` hears when they are.
    """

    def __init__(self, connect: Callable[[], C], came_up: Callable[[C], None], back_off_s: float) -> None:
        self.connections: C | None = None
        self.why_gone = "not connected yet"
        self._connect = connect
        self._came_up = came_up
        self._back_off_s = back_off_s
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._is_told = False

    def begin(self) -> None:
        self._task = asyncio.ensure_future(self._live())
        self._task.add_done_callback(self._ended)

    def end(self) -> None:
        self.connections = None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            self._await_end_of(task)

    async def until_ended(self) -> None:
        while self._ending:  # a task that ends leaves connections to be closed
            await asyncio.gather(*self._ending, return_exceptions=True)

    async def _live(self) -> None:
        """Connect, live until something is lost, begin again."""
        failures = 0
        while True:
            connections = self._connect()
            try:
                await connections.open()
                failures = 0
                self._come_up(connections)
                why = await connections.until_lost()
            except NotConnected as error:
                failures, why = failures + 1, str(error)
            finally:
                if self.connections is connections:
                    self.connections = None
                # Beside this task: where it is cancelled, they are closed all the same.
                why_closed = "the bus was stopped" if self._task is None else "connection lost"
                self._await_end_of(asyncio.ensure_future(connections.close(why_closed)))
            self._go_down(why)
            # Full jitter: many workers that lost one server do not come back as one.
            await asyncio.sleep(random.random() * min(self._back_off_s, 0.05 * 2 ** min(failures, 10)))  # noqa: S311

    def _come_up(self, connections: C) -> None:
        log.info("the bus is there")
        self._is_told = False
        self.connections = connections
        self._came_up(connections)

    def _go_down(self, why: str) -> None:
        self.why_gone = why
        if not self._is_told:
            self._is_told = True
            log.warning("the bus is gone: %s", why)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """It ends by being cancelled; any other end is a fault of ours, said, and no reason to stay away."""
        if task.cancelled() or (failure := task.exception()) is None:
            return
        log.error("the bus failed: %s", type(failure).__name__, exc_info=failure)
        if self._task is task:
            asyncio.get_running_loop().call_later(self._back_off_s, self._begin_again, task)

    def _begin_again(self, ended: "asyncio.Task[None]") -> None:
        if self._task is ended:
            self.begin()

    def _await_end_of(self, task: "asyncio.Task[None]") -> None:
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
