"""Clients: everybody who is connected to this worker. Makes a session and its supervised actor of a socket."""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import inf

from actors.client import DEPARTURE, AnnounceReconnect, ClientActor, HangUp, Leave
from actors.client_commands import ClientServices
from actors.client_mailbox import ClientMailbox
from actors.framing import WEBSOCKET, Framing
from actors.meter import Meter
from actors.metrics import WS_CONNECTED, WS_RECEIVED_MESSAGES
from actors.ports import Socket
from actors.protocol.codes import CloseCode
from actors.protocol.envelope import Seq, TopicName
from actors.protocol.permissions import Identity
from actors.rate import TokenBucket
from actors.runtime.child_spec import ChildSpec
from actors.runtime.exit import Exit, Stop
from actors.runtime.supervisor import Supervisor
from actors.session import ClientSession, Inbound

__all__ = ["Client", "Clients"]


class Client:
    """The edge's side of one session: what was read from the socket goes in here."""

    __slots__ = ("_clock", "_meter", "session")

    def __init__(self, session: ClientSession, clock: Callable[[], float], meter: Meter) -> None:
        self.session = session
        self._clock = clock
        self._meter = meter

    def heard(self) -> None:
        """Any frame proves that the client lives."""
        self.session.last_heard = self._clock()

    async def read(self, text: str) -> None:
        """Hand a text frame to the actor; returns when the next one may be read."""
        self._meter.add(WS_RECEIVED_MESSAGES)
        inbound = Inbound(text, asyncio.get_running_loop().create_future())
        if self.session.closed:
            return
        self.session.mailbox.control_now(inbound)
        if not inbound.done.done():
            await inbound.done

    def gone(self) -> None:
        """The connection is closed: nothing more can be said."""
        if not self.session.closed:
            self.session.is_hung_up = True
            self.session.mailbox.control(Stop())

    def hang_up(self, code: CloseCode, reason: str) -> None:
        if not self.session.closed:
            self.session.mailbox.control(HangUp(code, reason))

    def announce_reconnect(self, after_ms: int) -> None:
        """Tell it that it will be closed, and when to come back."""
        if not self.session.closed:
            self.session.mailbox.control(AnnounceReconnect(after_ms))

    def leave(self) -> None:
        """Close it 1012 once it has been given everything that waits for it."""
        if not self.session.closed:
            self.session.mailbox.control(Leave())

    def leave_now(self) -> None:
        """Close it 1012, whatever still waits."""
        self.hang_up(DEPARTURE.code, DEPARTURE.reason)


class Clients:
    """Owns the table of sessions, and the note of those whose mailboxes may not be at rest."""

    def __init__(self, supervisor: Supervisor, services: ClientServices) -> None:
        self._supervisor = supervisor
        self._services = services
        self._clients: dict[str, Client] = {}
        # Their mailboxes write here, and it is tidied when somebody looks: to go through ten thousand costs ms.
        self._restless: set[str] = set()

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients.values()))

    def that_saw(self, topic: TopicName, seq: Seq) -> int:
        """How many have acknowledged a position of ``topic`` that is not before ``seq``."""
        return sum(client.session.acknowledged.get(topic, 0) >= seq for client in self._clients.values())

    def restless(self) -> Sequence[Client]:
        """Those for whom something waits now, be it only the answer to a request: to look at."""
        clients = self._clients
        restless = [
            client
            for name in self._restless
            if (client := clients.get(name)) is not None and not client.session.mailbox.is_at_rest
        ]
        if len(restless) < len(self._restless):
            self._restless.intersection_update([client.session.client_id for client in restless])
        return restless

    @property
    def are_served(self) -> bool:
        """False while their supervisor is between two lives: nobody can be let in."""
        return self._supervisor.is_running

    def connect(self, socket: Socket, identity: Identity, framing: Framing = WEBSOCKET) -> Client:
        """Start the actor of a client that has been let in."""
        session, meter = self._session_of(socket, identity, framing), self._services.telemetry.meter
        client = Client(session, self._services.clock.monotonic, meter)
        meter.add(WS_CONNECTED)
        self._clients[session.client_id] = client
        self._supervisor.start_child(
            ChildSpec(
                kind="client",
                name=session.client_id,
                build=lambda: ClientActor(session, self._services),
                ended=lambda: self._forget(session),
                given_up=lambda record: self._give_up(session, record),
                mailbox=session.mailbox,
            )
        )
        return client

    def _session_of(self, socket: Socket, identity: Identity, framing: Framing) -> ClientSession:
        settings, clock = self._services.settings, self._services.clock
        now, client_id = clock.monotonic(), f"{random.getrandbits(64):016x}"  # a name, not a secret
        mailbox = ClientMailbox(
            socket,
            settings.policy_of,
            self._services.telemetry.meter,
            clock.monotonic,
            max_messages=settings.mailbox_messages,
            max_bytes=settings.mailbox_bytes,
            max_topics=settings.topics,
            on_unrest=partial(self._restless.add, client_id),
        )
        session = ClientSession(
            client_id=client_id,
            identity=identity,
            socket=socket,
            framing=framing,
            mailbox=mailbox,
            rate=TokenBucket(settings.messages_per_s, now),
            last_heard=now if framing.hears else inf,
            # Ten thousand tabs that came back together must not be pinged together for ever.
            next_ping=now + random.random() * (framing.heartbeat_s or settings.heartbeat_interval_s),  # noqa: S311
        )
        session.renew(identity, clock)
        return session

    def _forget(self, session: ClientSession) -> None:
        if not session.closed:  # stopped from above between two incarnations
            ClientActor(session, self._services).on_stop()
        self._clients.pop(session.client_id, None)
        self._restless.discard(session.client_id)

    def _give_up(self, session: ClientSession, record: Exit) -> None:
        """Past its intensity: the browser is told, comes back and resumes."""
        session.hang_up(CloseCode.INTERNAL_ERROR, "internal error: resume with since")
        ClientActor(session, self._services).on_stop()
