"""A StatsD reporter on a manual clock, and a bare daemon: a UDP socket that keeps every line it gets."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from loop_turns import turns, until

from actors.meter import Meter
from actors.metrics import LOOP_LAG, STATSD_ERRORS
from actors.runtime.exit import Exit, Stop
from actors.runtime.mailbox import Mailbox
from server.config import StatsdConfig
from server.metrics.statsd_reporter import StatsdReporter, StatsdState
from server.testing.manual_clock import ManualClock
from server.testing.statsd_sink import StatsdSink

__all__ = ["ReporterWorld", "free_udp_port", "no_look_up_is_under_way"]

LAST = "loop.lag"  # the last histogram of the catalogue: its last percentile ends a flush


def free_udp_port(host: str = "127.0.0.1") -> int:
    """A UDP port that nobody listened on a moment ago."""
    with StatsdSink(host) as daemon:
        return daemon.port


def no_look_up_is_under_way() -> bool:
    """Whether all look-ups' threads, which have a name, have ended."""
    return all(thread.name != "statsd look-up" for thread in threading.enumerate())


class ReporterWorld:
    """One meter, one state, and the incarnations of a reporter; time passes only when a test lets it.

    Leaving the context ends the reporter that runs.
    """

    interval_s = 1.0

    def __init__(self, host: str = "127.0.0.1", port: int = 1, *, tags: bool = False, **state: Any) -> None:
        self.clock = ManualClock()
        self.meter = Meter()
        self.config = StatsdConfig(host=host, port=port, interval_s=self.interval_s, tags=tags)
        self.state = StatsdState(self.config, chance=lambda: 0.5, **state)
        self.mailbox: Mailbox[object] = Mailbox(max_messages=8, max_control=8)
        self.exits: list[Exit] = []
        self.generation = 0
        self.reporter: StatsdReporter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.reporter is not None:
            self.reporter.end()

    def start(self) -> None:
        self.generation += 1
        self.reporter = StatsdReporter(self.mailbox, self.meter, self.config, self.clock, self.state)
        self.reporter.run(self.exits.append, self.generation, "statsd")

    async def stop(self) -> None:
        self.mailbox.control(Stop())
        await until(lambda: len(self.exits) == self.generation, "the reporter's end")

    async def interval(self, seconds: float = interval_s) -> None:
        """Let time pass and the reporter take its turns."""
        self.clock.advance(seconds)
        await turns(5)

    async def until_open(self) -> None:
        """Wait for the look-up, which takes its time in a thread, while the clock stands still."""

        def opened() -> bool:
            self.state.socket.open(self.clock.monotonic())
            return self.state.socket.is_open

        await until(opened, "an address")

    async def until_looked_up(self, timeout_s: float = 45.0) -> None:
        """Wait for what the look-up finds, be it nothing, while the clock stands still."""
        addresses, now = self.state.addresses, self.clock.monotonic()
        async with asyncio.timeout(timeout_s):
            while addresses.current is None and addresses.flaw(now) is None:
                addresses.refresh(now)
                await asyncio.sleep(0)

    async def until_after(self, condition: Callable[[], object], what: str, *, seconds: float = interval_s) -> None:
        """Let intervals pass until ``condition()``."""

        def is_true_or_time_passes() -> bool:
            if condition():
                return True
            self.clock.advance(seconds)
            return False

        await until(is_true_or_time_passes, what)

    async def lines(self, daemon: StatsdSink) -> list[str]:
        """Flush once, and return all that came of it but the observation that tells where it ends."""
        await turns(5)
        await self.until_open()
        daemon.forget()
        self.meter.observe(LOOP_LAG, 0.001)
        self.clock.advance(self.interval_s)
        await until(lambda: any(f".{LAST}.p99:" in line for line in daemon.lines), "the end of a flush")
        return [line for line in daemon.lines if f".{LAST}." not in line]

    @property
    def errors(self) -> int:
        return self.meter.counts(STATSD_ERRORS)[""]
