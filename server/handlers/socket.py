"""``GET /api/ws``: a browser connects. Lets it in or says why not, then carries its frames to its actor."""

from tornado.websocket import WebSocketHandler, WebSocketProtocol, _WebSocketParams

from actors.clients import Client, Clients
from actors.meter import Meter
from actors.metrics import OTHER, WS_DISCONNECTED, WS_REFUSED
from actors.protocol.codes import CloseCode
from actors.protocol.permissions import Identity
from server.access import Access, offered_subprotocols
from server.admission import Refused, unavailable
from server.handlers.json_handler import JsonHandler
from server.handlers.open_connections import OpenConnections
from server.socket_writer import SocketWriter
from server.websocket_protocol import StrictWebSocketProtocol

__all__ = ["SUBPROTOCOL", "ClientSocket", "SocketHandler"]

SUBPROTOCOL = "fanwire.v1"

_PEERS_OWN = frozenset({None, 1000, 1001})


class ClientSocket(SocketWriter):
    """Implements ``actors.ports.Socket``: a writer that can also hang up."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: StrictWebSocketProtocol, stall_s: float, meter: Meter) -> None:
        super().__init__(protocol.stream, stall_s, meter)
        self._protocol = protocol

    def close(self, code: int, reason: str) -> None:
        self._protocol.close(int(code), reason)


class SocketHandler(WebSocketHandler, JsonHandler):
    """One connection. A browser cannot read an HTTP status, so a refused one is told by a close code."""

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
        self._client: Client | None = None
        self._opened: StrictWebSocketProtocol | None = None

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

    def check_origin(self, origin: str) -> bool:
        """Origin was checked in ``prepare``, for requests that Tornado would not ask about as well."""
        return True

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        if self.request.headers.get("Sec-WebSocket-Version") != "13":
            return None
        return StrictWebSocketProtocol(
            self, False, _WebSocketParams(max_message_size=self._max_frame_bytes), self._meter
        )

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Ours where it is offered. The token's is never echoed: response headers get logged."""
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    def open(self, *args: str, **kwargs: str) -> None:
        protocol = self._opened = self._protocol
        self._connections.add(protocol)
        admitted = self._admitted
        if isinstance(admitted, Identity):
            address = self._access.address_of(self.request)
            admitted = self._access.admission.look(address, admitted.user) or admitted
            if not self._clients.are_served:
                admitted = unavailable("the gateway restarts a part of itself")
        if not protocol.handshake_is_flushed:
            protocol.stream.close()
        elif isinstance(admitted, Identity):
            # Tornado puts Nagle's algorithm back on behind every HTTP response, a handshake's included.
            self.set_nodelay(True)
            self._connect(protocol, admitted)
        elif admitted is not None:
            protocol.turn_away(int(admitted.close_code), admitted.close_reason)

    async def on_message(self, message: str | bytes) -> None:
        if self._client is None:
            return
        self._client.heard()
        if isinstance(message, bytes):
            self._client.hang_up(CloseCode.PROTOCOL_VIOLATION, "binary frame: frames must be text")
        else:
            await self._client.read(message)

    def on_ping(self, data: bytes) -> None:
        if self._client is not None:
            self._client.heard()

    def on_pong(self, data: bytes) -> None:
        if self._client is not None:
            self._client.heard()

    def on_close(self) -> None:
        if self._opened is not None:
            self._connections.discard(self._opened)
        if self._client is not None:
            self._client.gone()
            self._leave()
            self._meter.add(WS_DISCONNECTED, 1, self._ended_by)

    @property
    def _protocol(self) -> StrictWebSocketProtocol:
        assert isinstance(self.ws_connection, StrictWebSocketProtocol)
        return self.ws_connection

    @property
    def _ended_by(self) -> str:
        """Our own close code, or how the peer left; RFC 6455 §7.1.5 where it gave no code.

        What else a peer may give as its reason says nothing of the gateway, and is not counted as if it did.
        """
        assert self._opened is not None
        if not self._opened.close_frame_came and self._opened.close_code_sent is None:
            return "1006"
        if self._opened.was_closed_by_peer:
            return str(self.close_code or 1005) if self.close_code in _PEERS_OWN else OTHER
        return str(self._opened.close_code_sent)

    @property
    def _is_upgrade(self) -> bool:
        return self.request.headers.get("Upgrade", "").lower() == "websocket"

    @property
    def _speaks_ours(self) -> bool:
        """Tools that offer no subprotocol at all are welcome; those that ask for another one are told."""
        offered = [name for name in offered_subprotocols(self.request) if not name.startswith("fanwire.token.")]
        return not offered or SUBPROTOCOL in offered

    def _connect(self, protocol: StrictWebSocketProtocol, identity: Identity) -> None:
        self._leave = self._access.admission.enter(self._access.address_of(self.request), identity.user)
        writer = protocol.use_writer(ClientSocket(protocol, self._write_stall_s, self._meter))
        self._client = self._clients.connect(writer, identity)
