"""The composition root: every part of a gateway is made and joined here, and nowhere else."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from actors.bus_bridge import BusBridge
from actors.client_commands import ClientServices
from actors.clients import Clients
from actors.directory import TopicDirectory
from actors.ports import Clock, Placed
from actors.protocol.envelope import envelope_from
from actors.protocol.faithful import refuse_unfaithful
from actors.runtime.child_spec import ChildSpec
from actors.runtime.exit import Exit
from actors.runtime.restart import Restart
from actors.runtime.supervisor import Strategy, Supervisor
from actors.telemetry import Telemetry
from server.access import Access
from server.actor_settings import ActorSettings
from server.admission import Admission
from server.authentication import authenticator_of
from server.bus.from_config import bus_from
from server.bus.metered import MeteredBus
from server.clock import LoopClock
from server.config import Config
from server.config_shown import describe
from server.config_sources import LoadedConfig
from server.demo import publish_vitals, with_demo_topics
from server.descriptors import accept_from
from server.drain import see_off
from server.handlers.open_connections import OpenConnections
from server.logs import access_log
from server.metrics.reporters import Reporters, watch_gauges
from server.operators import Operators
from server.ops.odd_events import OddEvents
from server.ops.snapshots import Snapshots, Watched
from server.routes import NotFoundHandler, Parts, routes_to
from server.siblings import Siblings
from server.tcp import tune_listener

__all__ = ["Gateway"]

MAX_HEADER_BYTES = 16 * 1024  # a token of 8 KiB, once, and what browsers send along
IDLE_HTTP_S = 10  # a handshake half sent must not live for an hour
BODY_S = 30
READ_BYTES = 8 * 1024  # Tornado zeroes a buffer of this size for each read; its own default is 64 KiB
BACKLOG = 4096
BRANCH_STOP_S = 10.0
NO_SOURCES: Mapping[str, str] = {}

log = logging.getLogger("fanwire.gateway")


class Gateway:
    """One worker. Made from a ``Config``; runs on the loop that calls ``listen``.

    ``failed`` hears of a failure that restarts could not make good: the process should end, non-zero. ``siblings``:
    the workers of this gateway, where there are several. ``sources`` says for each key of the configuration where
    it is from, for operators to see. Raises: BadBus where the bus of ``config`` cannot be made.
    """

    def __init__(
        self,
        config: Config,
        *,
        failed: Callable[[], None],
        clock: Clock | None = None,
        sources: Mapping[str, str] = NO_SOURCES,
        siblings: Siblings | None = None,
    ) -> None:
        config = with_demo_topics(config) if config.server.dev else config
        self.config = config
        self._siblings = siblings
        self.clock = clock or LoopClock()
        self.telemetry = Telemetry(self.clock, config.log.packets)
        self.admission = Admission(config.limits)
        self.access = Access(config.server, authenticator_of(config.auth), self.admission, self.telemetry.meter)
        self.operators = Operators(self.access)
        self.bus = MeteredBus(bus_from(config, self.clock), config.bus.kind, self.telemetry.meter, self.clock)
        self.odd_events = OddEvents()
        self._failed = failed
        self._sources = sources
        self._settings = ActorSettings(config)
        self._topics = Supervisor("topics", self.clock, self.telemetry)
        self._clients = Supervisor("clients", self.clock, self.telemetry)
        self.directory = TopicDirectory(
            self._topics, self.clock, self.telemetry, self._settings.topic, self.bus, config.limits.topics
        )
        self.clients = Clients(self._clients, self._client_services())
        self._tree = self._root()
        watch_gauges(self.telemetry.meter, self.clock, self.admission, self.directory, self.clients, self.bus)
        self._server: HTTPServer | None = None
        self._listeners: list[socket.socket] = []
        self._stop_accepting: list[Callable[[], None]] = []
        self._connections: OpenConnections = set()
        self._is_started = False
        self._dev_tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the actors and reach for the bus, without accepting anybody yet; once is enough."""
        if not self._is_started:
            self._is_started = True
            self.odd_events.listen()
            self._tree.run(self._tree_ended)

    def listen(self, host: str, port: int) -> None:
        """Start the actors and accept connections. Raises: OSError where the address cannot be bound.

        With siblings the port is shared: the kernel gives each connection to one of those who listen.
        """
        server = HTTPServer(
            self._application(),
            idle_connection_timeout=IDLE_HTTP_S,
            body_timeout=BODY_S,
            chunk_size=READ_BYTES,
            max_header_size=MAX_HEADER_BYTES,
            max_body_size=self.config.server.max_frame_bytes,
        )
        self._listeners = bind_sockets(port, host, backlog=BACKLOG, reuse_port=self._siblings is not None)
        self.start()
        for listener in self._listeners:
            tune_listener(listener, self.config.mailbox.write_stall_s)
            self._stop_accepting.append(accept_from(listener, server))
        self._server = server
        if self.config.server.dev and (self._siblings is None or self._siblings.number == 1):
            self._start_demo()

    def checks(self) -> dict[str, bool]:
        """What has to be true for this worker to serve whoever connects now."""
        return {"bus": self.bus.ready, "accepting": not self.admission.draining}

    @property
    def port(self) -> int:
        """Where it listens, also when 0 was asked for."""
        return int(self._listeners[0].getsockname()[1])

    async def publish(self, topic: str, type: str, data: object) -> Placed:
        """Publish from within this process.

        Raises: ProtocolError where topic, type or data break a rule, BusUnavailable where it was not stored.
        """
        refuse_unfaithful({"data": data})
        envelope = envelope_from({"topic": topic, "type": type, "data": data}, self.clock.time())
        placed = self.bus.publish(envelope, deduplicate=False)
        return placed if isinstance(placed, Placed) else await placed

    async def stop(self, drain_s: float) -> None:
        """Accept nothing more, send every client on its way (1012), a few at a time, all within ``drain_s`` seconds."""
        self.admission.draining = True
        for task in self._dev_tasks:
            task.cancel()
        while self._listeners:
            self._stop_accepting.pop()()
            self._listeners.pop().close()
        await see_off(self.clients, self.admission, drain_s)
        await self._cut_off_the_rest()
        await self._tree.shut_down()
        await self.bus.close()
        self.odd_events.stop()

    async def _cut_off_the_rest(self) -> None:
        """Who has not closed its side by now does not matter any more, and idle HTTP connections never did."""
        for connection in list(self._connections):
            connection.cut_off()
        if self._server is not None:
            await self._server.close_all_connections()

    def _application(self) -> Application:
        return Application(routes_to(self._parts()), default_handler_class=NotFoundHandler, log_function=access_log)

    def _parts(self) -> Parts:
        return Parts(
            config=self.config,
            shown_config=lambda: describe(LoadedConfig(self.config, self._sources)),
            access=self.access,
            operators=self.operators,
            clients=self.clients,
            connections=self._connections,
            directory=self.directory,
            bus=self.bus,
            clock=self.clock,
            telemetry=self.telemetry,
            snapshots=self._snapshots(),
            checks=self.checks,
            siblings=self._siblings,
        )

    def _snapshots(self) -> Snapshots:
        watched = Watched(
            root=self._tree,
            clients=self.clients,
            directory=self.directory,
            meter=self.telemetry.meter,
            bus=self.bus,
            admission=self.admission,
            odd_events=self.odd_events,
            policy_of=self._settings.policy_of,
        )
        return Snapshots(watched, self.clock)

    def _start_demo(self) -> None:
        self._dev_tasks.append(asyncio.ensure_future(publish_vitals(self)))

    def _client_services(self) -> ClientServices:
        return ClientServices(
            self.telemetry, self.directory, self.bus, self.clock, self.access.renew, self._settings.client()
        )

    def _root(self) -> Supervisor:
        """Started in this order, stopped in reverse: nothing is delivered any more before clients and topics go.

        Where the topics had to be given up, clients and bus start again with them; metrics never depend on any.
        """
        return Supervisor(
            "gateway",
            self.clock,
            self.telemetry,
            strategy=Strategy.REST_FOR_ONE,
            children=[
                _branch(Reporters(self.config, self.telemetry, self.clock)),
                _branch(self._topics),
                _branch(self._clients),
                ChildSpec("bus", self.config.bus.kind, self._bus_bridge, Restart.PERMANENT),
            ],
        )

    def _bus_bridge(self) -> BusBridge:
        return BusBridge(self.bus, self.directory, self._settings.finals_of, self.clock, self.telemetry)

    def _tree_ended(self, record: Exit) -> None:
        if record.failure is not None:
            log.critical("a failure could not be made good: the worker ends", extra={"reason": str(record.failure)})
            self._failed()


def _branch(supervisor: Supervisor) -> ChildSpec:
    return ChildSpec("supervisor", supervisor.name, lambda: supervisor, Restart.PERMANENT, stop_s=BRANCH_STOP_S)
