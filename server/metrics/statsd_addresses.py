"""Where the StatsD daemon is: owns the addresses of its name, the one in use, and the look-up under way.

A look-up blocks for as long as the resolver likes, so it has a daemon thread: one that hangs delays neither the
loop nor the end of the process. A second one never starts before the first has returned. Results are fetched
by ``refresh``, which a reporter calls with every flush, so that no thread ever touches the loop.
"""

import random
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple, TypeAlias

from actors.runtime.restart import Backoff

__all__ = ["Address", "Addresses", "Resolve", "resolve"]

REFRESH_S = 60.0
PATIENCE_S = 5.0
_BACKOFF = Backoff(base_s=0.5, cap_s=REFRESH_S)


class Address(NamedTuple):
    """What ``socket.socket`` and ``connect`` want."""

    family: int
    where: tuple[object, ...] | str

    def __str__(self) -> str:
        return self.where if isinstance(self.where, str) else f"{self.where[0]} port {self.where[1]}"


Resolve: TypeAlias = Callable[[str, int], Sequence[Address]]
"""Looks a host up; may block. Raises: OSError, UnicodeError."""


def resolve(host: str, port: int) -> Sequence[Address]:
    """Every address of ``host``, IPv4 first: most daemons listen there only, also where "localhost" has both."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    addresses = dict.fromkeys(Address(family, where) for family, _, _, _, where in found)
    return sorted(addresses, key=lambda address: address.family != socket.AF_INET)


class Addresses:
    """Times are monotonic seconds. ``flaw`` says why there is no address; ``chance`` gives values in [0, 1)."""

    def __init__(
        self, host: str, port: int, *, resolve: Resolve = resolve, chance: Callable[[], float] = random.random
    ) -> None:
        self._host, self._port = host, port
        self._resolve = resolve
        self._chance = chance
        self._known: Sequence[Address] = ()
        self._chosen = 0
        self._lookup: Future[Sequence[Address]] | None = None
        self._started_at = 0.0
        self._due_at = float("-inf")
        self._tries: int | None = None  # look-ups since things went wrong, None while they are well
        self._flaw: str | None = None

    @property
    def current(self) -> Address | None:
        return self._known[self._chosen] if self._known else None

    def __len__(self) -> int:
        return len(self._known)

    def flaw(self, now: float) -> str | None:
        """Why there is no address; None while it is too early to call it a flaw."""
        if self._lookup is not None and self._flaw is None and now - self._started_at >= PATIENCE_S:
            return f"looking up {self._host} takes more than {PATIENCE_S:g} s"
        return self._flaw

    def pass_over_current(self) -> None:
        """It does not answer: try the next, in a circle."""
        self._chosen = (self._chosen + 1) % max(len(self._known), 1)

    def well(self) -> None:
        """What was sent got through: look up again in a minute."""
        self._tries = None

    def trouble(self, now: float) -> None:
        """Nothing got through: look up again at once the first time, then with full-jitter back-off."""
        if self._tries is None:
            self._tries = 0
            self._due_at = now

    def refresh(self, now: float) -> bool:
        """Take up what a look-up found, start one where it is due; True where addresses were just found."""
        found = self._lookup is not None and self._lookup.done() and self._take_up(self._lookup)
        if self._lookup is None and now >= self._due_at:
            self._start(now)
        return found

    def _take_up(self, lookup: Future[Sequence[Address]]) -> bool:
        self._lookup = None
        try:
            found = lookup.result()
        except (OSError, UnicodeError) as error:
            # Addresses that are known stay in use: a name server's outage is not the daemon's.
            self._flaw = f"{self._host} has no address: {error}"
            return False
        in_use = self.current
        self._known, self._flaw = found, None if found else f"{self._host} has no address"
        self._chosen = found.index(in_use) if in_use in found else 0
        return bool(found)

    def _start(self, now: float) -> None:
        lookup = self._lookup = Future[Sequence[Address]]()
        self._started_at = now
        self._due_at = now + self._pause_s()
        threading.Thread(target=self._run, args=(lookup,), name="statsd look-up", daemon=True).start()

    def _pause_s(self) -> float:
        if self._tries is None:
            return REFRESH_S
        self._tries += 1
        return _BACKOFF.delay_s(self._tries, self._chance)

    def _run(self, lookup: Future[Sequence[Address]]) -> None:
        try:
            lookup.set_result(self._resolve(self._host, self._port))
        except Exception as error:  # noqa: BLE001  # raised again in the reporter's turn
            lookup.set_exception(error)
