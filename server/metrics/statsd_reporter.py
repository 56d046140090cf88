"""The StatsD reporter: an actor that tells a daemon what the meter counted, every few seconds, over UDP.

What must outlive one incarnation of it (what the daemon was told, and the way to it) is a ``StatsdState``.
"""

import logging
import random
from collections.abc import Callable

from actors.meter import Meter
from actors.metrics import CATALOGUE, STATSD_ERRORS, Kind
from actors.ports import Clock
from actors.runtime.loop_actor import LoopActor
from actors.runtime.mailbox import Mailbox
from server.config import StatsdConfig
from server.metrics.statsd_addresses import Addresses, Resolve, resolve
from server.metrics.statsd_health import Change, Health
from server.metrics.statsd_pipeline import send_packed
from server.metrics.statsd_samples import Totals, samples, totals_of
from server.metrics.statsd_socket import StatsdSocket

__all__ = ["StatsdReporter", "StatsdState"]

log = logging.getLogger("fanwire.statsd")

_GAUGES = tuple(metric for metric in CATALOGUE if metric.kind is Kind.GAUGE)


class Flush:
    """The interval is over."""


class StatsdState:
    """What a reporter leaves to its next incarnation: without it, that would report all counters from zero on again.

    ``told`` is what the daemon knows; ``introduced`` says that it has heard every name. Raises: ValueError
    where ``statsd.host`` is unset.
    """

    __slots__ = ("addresses", "health", "introduced", "socket", "told")

    def __init__(
        self, config: StatsdConfig, *, resolve: Resolve = resolve, chance: Callable[[], float] = random.random
    ) -> None:
        if config.host is None:
            raise ValueError("statsd.host is unset: there is no daemon to report to")
        self.addresses = Addresses(config.host, config.port, resolve=resolve, chance=chance)
        self.socket = StatsdSocket(self.addresses)
        self.health = Health()
        self.told = Totals()
        self.introduced = False


class StatsdReporter(LoopActor[Mailbox[object]]):
    """Flushes every ``config.interval_s`` seconds, and once more when it is stopped.

    No flush waits for the network or fails because of it: what cannot be sent is lost and counted. Only while
    the daemon has no address at all, what was counted is kept for the first flush that has one.
    """

    def __init__(
        self,
        mailbox: Mailbox[object],
        meter: Meter,
        config: StatsdConfig,
        clock: Clock,
        state: StatsdState | None = None,
    ) -> None:
        super().__init__(mailbox)
        self._meter = meter
        self._config = config
        self._clock = clock
        self._state = StatsdState(config) if state is None else state

    def on_start(self) -> None:
        self._state.addresses.refresh(self._clock.monotonic())
        self._set_timer()

    def on_receive(self, message: object) -> None:
        match message:
            case Flush():
                self._flush()
                self._set_timer()
            case _:
                super().on_receive(message)

    def on_stop(self) -> None:
        self._flush()
        self._state.socket.close()

    def on_failure(self, *failure: object) -> None:
        """The next incarnation opens a socket of its own, or there is none."""
        self._state.socket.close()

    def _set_timer(self) -> None:
        self.set_reminder(self._clock, self._config.interval_s, Flush())

    def _flush(self) -> None:
        state, now = self._state, self._clock.monotonic()
        state.socket.open(now)
        sent = state.socket.is_open
        if sent:
            self._tell_changes()
        failure = state.socket.take_failure()
        if failure is not None:
            self._note_loss(failure, now)
        elif sent:
            self._note_success(now)

    def _tell_changes(self) -> None:
        """Read everything before anything is sent: a gauge that cannot be read must not leave half a flush behind."""
        state = self._state
        now = totals_of(self._meter)
        gauges = {gauge: self._meter.gauges(gauge) for gauge in _GAUGES}
        changes = samples(state.told, now, gauges, tags=self._config.tags, everything=not state.introduced)
        send_packed(self._config.prefix, changes, state.socket.send)
        state.told, state.introduced = now, True

    def _note_loss(self, reason: str, now: float) -> None:
        self._meter.add(STATSD_ERRORS)
        self._state.addresses.trouble(now)
        if self._state.health.lost(now) is Change.WENT_WRONG:
            log.warning("metrics do not reach the StatsD daemon: %s; trying on", reason)

    def _note_success(self, now: float) -> None:
        self._state.addresses.well()
        if self._state.health.got_through(now) is Change.WORKS_AGAIN:
            # Whoever was away may have forgotten, or never heard, which names there are.
            self._state.introduced = False
            log.info("metrics reach the StatsD daemon again")
