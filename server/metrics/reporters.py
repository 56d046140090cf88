"""What looks at the gateway from inside: the reporters of the supervision tree, and the gauges they read."""

from collections.abc import Callable, Mapping, Sequence

from actors.ack_lag import ack_lag_s
from actors.clients import Clients
from actors.directory import TopicDirectory
from actors.meter import Meter
from actors.metrics import (
    ACTOR_MAILBOX_DEPTH,
    ACTOR_MAILBOX_HIGH_WATER,
    ACTOR_RUNNING,
    BUS_UP,
    WS_ACK_LAG,
    WS_CONNECTIONS,
    WS_MAILBOX_DEPTH,
)
from actors.ports import Clock
from actors.runtime.child_spec import ChildSpec, Measured, Supervised
from actors.runtime.exit import Exit
from actors.runtime.loop_lag import LagMeter
from actors.runtime.loop_watchdog import LoopWatchdog
from actors.runtime.mailbox import ControlLane, Mailbox
from actors.runtime.restart import Restart
from actors.runtime.supervisor import Supervisor
from actors.telemetry import Telemetry
from server.admission import Admission
from server.bus.metered import MeteredBus
from server.config import Config
from server.metrics.statsd_reporter import StatsdReporter, StatsdState

__all__ = ["TRY_AGAIN_S", "Reporters", "watch_gauges"]

TRY_AGAIN_S = 60.0
DEPTHS_FRESH_S = 0.5
ACKS_FRESH_S = 10.0
HIGH_WATER_FRESH_S = 10.0
MAX_CONTROL = 10  # a reminder, and being asked to stop


class Reporters(Supervisor):
    """One that fails too often costs nobody a message: it is left alone for a minute, and then tried again."""

    def __init__(self, config: Config, telemetry: Telemetry, clock: Clock) -> None:
        self._config = config
        self._telemetry = telemetry
        specs = [self._spec("loop lag", self._lag_meter)]
        if config.statsd.host is not None:
            self._statsd_state = StatsdState(config.statsd)
            specs.append(self._spec("statsd", self._statsd))
        super().__init__("reporters", clock, telemetry, children=specs)

    def _spec(self, name: str, build: Callable[[], Supervised]) -> ChildSpec:
        def try_again() -> None:
            if self.is_running:
                self.start_child(spec)

        def try_again_later(record: Exit) -> None:
            self._clock.call_later(TRY_AGAIN_S, try_again)

        spec = ChildSpec("reporter", name, build, Restart.PERMANENT, given_up=try_again_later)
        return spec

    def _lag_meter(self) -> LagMeter:
        watchdog = LoopWatchdog(self._clock.monotonic)
        return LagMeter(ControlLane(max_control=MAX_CONTROL), self._clock, self._telemetry.meter, watchdog)

    def _statsd(self) -> StatsdReporter:
        mailbox: Mailbox[object] = Mailbox(max_messages=1, max_control=MAX_CONTROL)
        return StatsdReporter(mailbox, self._telemetry.meter, self._config.statsd, self._clock, self._statsd_state)


class _AckLag:
    """How far the client is behind that is furthest behind by its own word.

    Every client's every topic has to be looked at, which is therefore done seldom.
    """

    def __init__(self, directory: TopicDirectory, clients: Clients, clock: Clock) -> None:
        self._directory = directory
        self._clients = clients
        self._clock = clock
        self._looked = float("-inf")
        self._most_s = 0.0

    def most_s(self) -> float:
        now = self._clock.monotonic()
        if now - self._looked >= ACKS_FRESH_S:
            self._looked = now
            said = [client.session.acknowledged for client in self._clients if client.session.acknowledged]
            self._most_s = max(
                (ack_lag_s(acknowledged, self._directory.top) or 0.0 for acknowledged in said), default=0.0
            )
        return self._most_s


class _Depths:
    """How much waits in the mailboxes. One look at all that are not at rest serves the three gauges that ask for it.

    The high-water marks of those at rest are looked through seldom: there may be ten thousand.
    """

    def __init__(self, directory: TopicDirectory, clients: Clients, clock: Clock) -> None:
        self._directory = directory
        self._clients = clients
        self._clock = clock
        self._looked = self._searched = float("-inf")
        self._all_clients = 0
        self._deepest: dict[str, float] = {}
        self._highest: dict[str, float] = {}

    def all_clients(self) -> float:
        self._look()
        return self._all_clients

    def deepest(self) -> Mapping[str, float]:
        self._look()
        return self._deepest

    def highest(self) -> Mapping[str, float]:
        self._look()
        return self._highest

    def _look(self) -> None:
        now = self._clock.monotonic()
        if now - self._looked < DEPTHS_FRESH_S:
            return
        self._looked = now
        topics = [state.mailbox for state in self._directory.restless()]
        clients = [client.session.mailbox for client in self._clients.restless()]
        depths = [mailbox.depth for mailbox in clients]
        self._all_clients = sum(depths)
        self._deepest = {
            "topic": max((mailbox.depth for mailbox in topics), default=0),
            "client": max(depths, default=0),
        }
        if now - self._searched >= HIGH_WATER_FRESH_S:
            self._searched = now
            self._highest = self._search()
        self._raise("topic", topics)
        self._raise("client", clients)

    def _search(self) -> dict[str, float]:
        return {
            "topic": max((state.mailbox.high_water for state in self._directory.states()), default=0),
            "client": max((client.session.mailbox.high_water for client in self._clients), default=0),
        }

    def _raise(self, actor: str, mailboxes: Sequence[Measured]) -> None:
        highest = max((mailbox.high_water for mailbox in mailboxes), default=0)
        self._highest[actor] = max(self._highest[actor], highest)


def watch_gauges(
    meter: Meter, clock: Clock, admission: Admission, directory: TopicDirectory, clients: Clients, bus: MeteredBus
) -> None:
    """Let ``meter`` read what is counted elsewhere anyway."""
    depths = _Depths(directory, clients, clock)
    meter.watch(WS_CONNECTIONS, lambda: admission.connections)
    meter.watch(WS_ACK_LAG, _AckLag(directory, clients, clock).most_s)
    meter.watch(WS_MAILBOX_DEPTH, depths.all_clients)
    meter.watch(ACTOR_MAILBOX_DEPTH, depths.deepest)
    meter.watch(ACTOR_MAILBOX_HIGH_WATER, depths.highest)
    meter.watch(ACTOR_RUNNING, lambda: {"topic": len(directory), "client": len(clients)})
    meter.watch(BUS_UP, lambda: {bus.name: float(bus.ready)})
