"""Who is behind one open WebSocket: carries its frames to its client's actor."""

from collections.abc import Awaitable, Callable

from actors.clients import Client, Clients
from actors.meter import Meter
from actors.metrics import OTHER, WS_DISCONNECTED
from actors.protocol.codes import CloseCode
from actors.protocol.permissions import Identity
from server.handlers.open_connections import OpenConnections
from server.web_socket import WebSocket

__all__ = ["Visitor"]

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
