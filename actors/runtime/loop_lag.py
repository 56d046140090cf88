"""The lag meter: an actor that measures how late the event loop comes to what is due, and is its heartbeat.

It owns the time at which it is due next. The watchdog that it starts and stops says who made the loop late.
"""

from typing import Any

from actors.meter import Meter
from actors.metrics import LOOP_LAG
from actors.ports import Clock
from actors.runtime.loop_actor import LoopActor
from actors.runtime.loop_watchdog import LoopWatchdog
from actors.runtime.mailbox import ControlLane

__all__ = ["LagMeter"]

PERIOD_S = 0.1


class _Tick:
    """The meter is due."""


class LagMeter(LoopActor[ControlLane]):
    """Asks to be woken after ``PERIOD_S`` seconds and observes in ``LOOP_LAG`` how much later it was.

    One stall is one observation of all its length, less what was left of the period when it began: 3 s in which
    the loop did nothing count as one lag of 2.9 to 3 s, not as 30 ticks that were missed. The sum of all
    observations is therefore the time in which the loop was late; a percentile is one of ticks, and says little
    about how many clients had to wait. Time in which the process was suspended is lag as well: clients did wait.

    Each incarnation wants a ``watchdog`` of its own, whose thread begins and ends with it.
    """

    def __init__(self, mailbox: ControlLane, clock: Clock, meter: Meter, watchdog: LoopWatchdog) -> None:
        super().__init__(mailbox)
        self._clock = clock
        self._meter = meter
        self._watchdog = watchdog
        self._due_s = 0.0

    def on_start(self) -> None:
        self._watchdog.start()
        self._wait_for_the_next_tick(self._clock.monotonic())

    def on_stop(self) -> None:
        self._watchdog.stop()

    def on_failure(self, *failure: Any) -> None:
        self._watchdog.stop()

    def on_receive(self, message: object) -> None:
        if not isinstance(message, _Tick):
            super().on_receive(message)
        now_s = self._clock.monotonic()
        self._watchdog.beat(now_s)
        self._meter.observe(LOOP_LAG, max(0.0, now_s - self._due_s))
        self._wait_for_the_next_tick(now_s)

    def _wait_for_the_next_tick(self, now_s: float) -> None:
        self._due_s = now_s + PERIOD_S
        self.set_reminder(self._clock, PERIOD_S, _Tick())
