"""Admission: how many may be connected, in all, per user and per address. Owns those counts."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from actors.protocol.codes import CloseCode
from server.accept_rate import AcceptRate
from server.config import LimitsConfig

__all__ = ["Admission", "Refused", "unavailable"]

RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is not let in: the HTTP status, or the close code where it was to be a WebSocket."""

    status: int
    code: str
    close_code: CloseCode
    message: str
    retry_after_s: int | None = None

    @property
    def close_reason(self) -> str:
        if self.retry_after_s is None:
            return self.message
        return f"{self.message}; retry_after={self.retry_after_s}"


class Admission:
    """``look`` before any work is done for a connection, ``enter`` when it is let in."""

    def __init__(self, limits: LimitsConfig, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._accepts = AcceptRate()
        self._users: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()
        self.connections = 0
        self.draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    def look(self, address: str, user: str | None = None) -> Refused | None:
        """Why one more connection from ``address`` (and of ``user``, once known) would be refused, or None."""
        limits = self._limits
        if self.draining:
            return unavailable("the gateway is shutting down")
        if self.connections >= limits.connections:
            return unavailable(f"limits.connections: {limits.connections} are open already")
        if self._addresses[address] >= limits.connections_per_ip:
            return _too_many(f"limits.connections_per_ip: at most {limits.connections_per_ip}")
        if user is not None and self._users[user] >= limits.connections_per_user:
            return _too_many(f"limits.connections_per_user: at most {limits.connections_per_user}")
        return None

    def enter(self, address: str, user: str) -> Callable[[], None]:
        """Count a connection in; the result, called once, counts it out."""
        self.connections += 1
        self._accepts.note(self._monotonic())
        self._empty.clear()
        self._addresses[address] += 1
        self._users[user] += 1

        def leave() -> None:
            self.connections -= 1
            if self.connections == 0:
                self._empty.set()
            _count_down(self._addresses, address)
            _count_down(self._users, user)

        return leave

    def best_accepts_per_s(self) -> int:
        """How many were let in within the best of the recent seconds."""
        return self._accepts.best_per_s(self._monotonic())

    async def until_empty(self) -> None:
        await self._empty.wait()


def _count_down(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]


def unavailable(message: str) -> Refused:
    """Nothing is wrong with the request: it came at a bad time."""
    return Refused(503, "overloaded", CloseCode.TRY_AGAIN_LATER, message, RETRY_AFTER_S)


def _too_many(message: str) -> Refused:
    return Refused(429, "rate_limited", CloseCode.TOO_MANY, message, RETRY_AFTER_S)
