"""CatchUp: requests to a topic that can be answered only once everything that the bus has stored is here."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from actors.ports import BusUnavailable, Source
from actors.protocol.envelope import Seq

__all__ = ["CATCH_UP_S", "CatchUp", "Caught"]

CATCH_UP_S = 5.0

Request = TypeVar("Request")

log = logging.getLogger("fanwire.topics")


class Caught(NamedTuple, Generic[Request]):
    """``request`` can be answered once the topic has ``up_to``; None: the bus could not say."""

    request: Request
    up_to: Seq | None


class CatchUp(Generic[Request]):
    """Owns the requests that wait, at most one of each client. ``on_caught`` says that some have been caught up.

    The bus is asked one question at a time, which serves every request that came before it was asked: ten
    thousand tabs that come back at once with a position unknown here cost two questions.
    """

    def __init__(self, source: Source, on_caught: Callable[[], None]) -> None:
        self._source = source
        self._on_caught = on_caught
        self._waiting: list[Request] = []
        self._asked: list[Request] = []
        self._caught: deque[Caught[Request]] = deque()
        self._question: asyncio.Task[Seq | None] | None = None

    def __len__(self) -> int:
        return len(self._waiting) + len(self._asked) + len(self._caught)

    def ask(self, request: Request) -> None:
        self._waiting.append(request)
        if self._question is None:
            self._ask_bus()

    def next(self) -> Caught[Request] | None:
        """The oldest request that has been caught up; it stays here until it is ``forgotten``."""
        return self._caught[0] if self._caught else None

    def forget(self, is_meant: Callable[[Request], bool]) -> None:
        self._waiting = [request for request in self._waiting if not is_meant(request)]
        self._asked = [request for request in self._asked if not is_meant(request)]
        self._caught = deque(caught for caught in self._caught if not is_meant(caught.request))

    def take_next(self) -> Request:
        return self._caught.popleft().request

    def take_all(self) -> list[Request]:
        """Take out everything that waits, however far it is."""
        everything = [*(caught.request for caught in self._caught), *self._asked, *self._waiting]
        self.forget(lambda request: True)
        return everything

    def _ask_bus(self) -> None:
        self._asked, self._waiting = self._waiting, []
        self._question = asyncio.ensure_future(self._catch_up())
        self._question.add_done_callback(self._answered)

    async def _catch_up(self) -> Seq | None:
        try:
            async with asyncio.timeout(CATCH_UP_S):
                return await self._source.catch_up()
        except (BusUnavailable, TimeoutError) as why:
            log.info("catching up failed: %s", why or f"no answer in {CATCH_UP_S:g} s")
            return None

    def _answered(self, question: "asyncio.Task[Seq | None]") -> None:
        self._question = None
        failure = asyncio.CancelledError() if question.cancelled() else question.exception()
        if failure is not None and not question.cancelled():
            log.error("catching up failed: %s", type(failure).__name__, exc_info=failure)
        up_to = None if failure is not None else question.result()
        self._caught.extend(Caught(request, up_to) for request in self._asked)
        self._asked = []
        if self._caught:
            self._on_caught()
        if self._waiting:
            self._ask_bus()
