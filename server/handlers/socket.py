"""``GET /api/ws``: a browser connects. Lets it in or says why not, then carries its frames to its actor."""

from collections.abc import Awaitable, Callable

from actors.clients import Client, Clients
from actors.meter import Meter
from actors.metrics import OTHER, WS_DISCONNECTED, WS_REFUSED
from actors.protocol.codes import CloseCode
from actors.protocol.permissions import Identity
from server.access import Access, offered_subprotocols
from server.admission import Refused, unavailable
from server.handlers.json_handler import JsonHandler
from server.handlers.open_connections import OpenConnections
from server.upgrade import switching_protocols, upgrade_flaw
from server.web_socket import WebSocket

__all__ = ["SUBPROTOCOL", "SocketHandler", "Visitor"]

SUBPROTOCOL = "fanwire.v1"

_PEERS_OWN = frozenset({None, 1000, 1001})


class Visitor:
    """Who is behind one open WebSocket, from its handshake to its end: a client, or somebody who is told to leave.

    The request that opened the connection is over by then, and forgotten: a tab may stay for days.
    """

    __slots__ = ("_client", "_clients", "_connections", "_leave", "_meter", "_socket")

    def __init__(self, clients: Clients, connections: OpenConnections, meter: Meter) -> None:
        self._clients = clients
        self._connections = connections
        self._meter = meter
        self._client: Client | None = None

    def let_in(self, socket: WebSocket, identity: Identity, leave: Callable[[], None]) -> None:
        """``leave`` is called once, when the client is gone."""
        self._leave = leave
        self._client = self._clients.connect(socket, identity)

    def begin(self, socket: WebSocket) -> None:
        self._socket = socket
        self._connections.add(socket)
        socket.begin()

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        if self._client is None:
            return None
        self._client.heard()
        if isinstance(message, bytes):
            self._client.hang_up(CloseCode.PROTOCOL_VIOLATION, "binary frame: frames must be text")
            return None
        return self._client.read(message)

    def on_sign_of_life(self) -> None:
        if self._client is not None:
            self._client.heard()

    def on_gone(self) -> None:
        self._connections.discard(self._socket)
        if self._client is not None:
            self._client.gone()
            self._leave()
            self._meter.add(WS_DISCONNECTED, 1, _ended_by(self._socket))


def _ended_by(socket: WebSocket) -> str:
    """Our own close code, or how the peer left; RFC 6455 §7.1.5 where it gave no code.

    What else a peer may give as its reason says nothing of the gateway, and is not counted as if it did.
    """
    if not socket.close_frame_came and socket.close_code_sent is None:
        return "1006"
    if socket.was_closed_by_peer:
        return str(socket.close_code_came or 1005) if socket.close_code_came in _PEERS_OWN else OTHER
    return str(socket.close_code_sent)


class SocketHandler(JsonHandler):
    """The handshake. A browser cannot read an HTTP status, so who is refused is told by a close code."""

    def initialize(
        self,
        access: Access,
        clients: Clients,
        connections: OpenConnections,
        max_frame_bytes: int,
        write_stall_s: float,
        meter: Meter,
    ) -> None:
        self._meter = meter
        self._access = access
        self._connections = connections
        self._clients = clients
        self._max_frame_bytes = max_frame_bytes
        self._write_stall_s = write_stall_s
        self._admitted: Identity | Refused | None = None

    async def prepare(self) -> None:
        self._admitted = await self._access.connect(self.request)
        if not self._is_upgrade:
            if isinstance(self._admitted, Refused):
                self.turn_away(self._admitted)
            else:
                self.set_header("Upgrade", "websocket")
                self.refuse(426, "upgrade_required", "this is a WebSocket endpoint; for SSE or HTTP see the docs")
        elif isinstance(self._admitted, Identity) and not self._speaks_ours:
            message = f"subprotocol: must be {SUBPROTOCOL}"
            self._admitted = Refused(400, "bad_version", CloseCode.PROTOCOL_VIOLATION, message)
            self._meter.add(WS_REFUSED, 1, "bad_version")

    def get(self) -> None:
        headers = self.request.headers
        flaw = upgrade_flaw(headers)
        if flaw is not None:
            self.set_header("Sec-WebSocket-Version", "13")
            self.refuse(flaw.status, "bad_request", flaw.rule)
            return
        self.set_status(101)
        self.application.log_request(self)
        # The token's own subprotocol is never echoed: response headers get logged.
        subprotocol = SUBPROTOCOL if SUBPROTOCOL in offered_subprotocols(self.request) else None
        self._open(switching_protocols(headers["Sec-WebSocket-Key"], subprotocol))

    def _open(self, answer: bytes) -> None:
        """From here on there is no request any more."""
        visitor = Visitor(self._clients, self._connections, self._meter)
        socket = WebSocket(
            self.detach(),
            visitor,
            self._meter,
            preface=answer,
            max_frame_bytes=self._max_frame_bytes,
            stall_s=self._write_stall_s,
        )
        self._break_cycles()
        admitted = self._looked_at_again()
        if isinstance(admitted, Identity):
            leave = self._access.admission.enter(self._access.address_of(self.request), admitted.user)
            visitor.let_in(socket, admitted, leave)
        else:
            socket.turn_away(int(admitted.close_code), admitted.close_reason)
        visitor.begin(socket)

    def _looked_at_again(self) -> Identity | Refused:
        """Others may have come in while the token was looked at."""
        admitted = self._admitted
        assert admitted is not None
        if isinstance(admitted, Refused):
            return admitted
        if not self._clients.are_served:
            return unavailable("the gateway restarts a part of itself")
        address = self._access.address_of(self.request)
        return self._access.admission.look(address, admitted.user) or admitted

    @property
    def _is_upgrade(self) -> bool:
        return self.request.headers.get("Upgrade", "").lower() == "websocket"

    @property
    def _speaks_ours(self) -> bool:
        """Tools that offer no subprotocol at all are welcome; those that ask for another one are told."""
        offered = [name for name in offered_subprotocols(self.request) if not name.startswith("fanwire.token.")]
        return not offered or SUBPROTOCOL in offered
