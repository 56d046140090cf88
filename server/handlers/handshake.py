"""``GET /api/ws`` with an opening handshake: a browser connects. Lets it in, or opens only to say why not.

A browser cannot read an HTTP status, so who is refused is told by a close code.

This is a route of its own and no RequestHandler: what that prepares for an answer in HTTP (default headers, a
date, arguments, a place for templates) would be made for each connection, and none of it is ever sent.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.iostream import IOStream
from tornado.routing import Router

from actors.clients import Clients
from actors.meter import Meter
from actors.metrics import WS_REFUSED
from actors.protocol.codes import CloseCode
from actors.protocol.permissions import Identity
from server.access import Access, offered_subprotocols
from server.admission import Refused, unavailable
from server.auth import TOKEN_SUBPROTOCOL
from server.handlers.open_connections import OpenConnections
from server.handlers.visitor import Visitor
from server.logs import log_access
from server.upgrade import is_upgrade, switching_protocols, upgrade_flaw
from server.web_socket import WebSocket

__all__ = ["SUBPROTOCOL", "Handshakes", "Reception"]

SUBPROTOCOL = "fanwire.v1"

log = logging.getLogger("fanwire.sockets")


@dataclass(frozen=True, slots=True)
class Reception:
    """What every handshake is judged and answered with; ``write_stall_s`` in seconds."""

    access: Access
    clients: Clients
    connections: OpenConnections
    meter: Meter
    max_frame_bytes: int
    write_stall_s: float


class Handshakes(Router):
    """The route of opening handshakes; anything else at the same path goes on to the next route."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        if request.method != "GET" or not is_upgrade(request.headers) or upgrade_flaw(request.headers) is not None:
            return None
        return _Handshake(self._reception, request)


class _Handshake(HTTPMessageDelegate):
    def __init__(self, reception: Reception, request: HTTPServerRequest) -> None:
        self._reception = reception
        self._request = request

    def finish(self) -> None:
        """The request is read."""
        self._answering = asyncio.ensure_future(self._answer())

    async def _answer(self) -> None:
        try:
            admitted = await self._judge()
        except Exception:
            log.exception("a handshake could not be judged")
            admitted = unavailable("the gateway failed on this handshake")
        log_access(self._request, 101)
        stream: IOStream = self._request.connection.detach()  # type: ignore[union-attr]
        try:
            self._open(stream, admitted)
        except Exception:
            log.exception("a WebSocket could not be opened")
            stream.close()

    async def _judge(self) -> Identity | Refused:
        """Nothing is awaited behind ``connect``: its last look at the limits still holds when the client enters."""
        reception, request = self._reception, self._request
        admitted = await reception.access.connect(request)
        if isinstance(admitted, Refused):
            return admitted
        if not _speaks_ours(request):
            reception.meter.add(WS_REFUSED, 1, "bad_version")
            message = f"subprotocol: must be {SUBPROTOCOL}"
            return Refused(400, "bad_version", CloseCode.PROTOCOL_VIOLATION, message)
        if not reception.clients.are_served:
            return unavailable("the gateway restarts a part of itself")
        return admitted

    def _open(self, stream: IOStream, admitted: Identity | Refused) -> None:
        """From here on there is no request any more: a tab may stay for days."""
        reception = self._reception
        visitor = Visitor(reception.clients, reception.connections, reception.meter)
        socket = WebSocket(
            stream,
            visitor,
            reception.meter,
            preface=self._switching_protocols(),
            max_frame_bytes=reception.max_frame_bytes,
            stall_s=reception.write_stall_s,
        )
        if isinstance(admitted, Identity):
            address = reception.access.address_of(self._request)
            visitor.let_in(socket, admitted, reception.access.admission.enter(address, admitted.user))
        else:
            socket.turn_away(int(admitted.close_code), admitted.close_reason)
        visitor.begin(socket)

    def _switching_protocols(self) -> bytes:
        """The token's own subprotocol is never echoed: response headers get logged."""
        subprotocol = SUBPROTOCOL if SUBPROTOCOL in offered_subprotocols(self._request) else None
        return switching_protocols(self._request.headers["Sec-WebSocket-Key"], subprotocol)


def _speaks_ours(request: HTTPServerRequest) -> bool:
    """Tools that offer no subprotocol at all are welcome; those that ask for another one are told."""
    offered = [name for name in offered_subprotocols(request) if not name.startswith(TOKEN_SUBPROTOCOL)]
    return not offered or SUBPROTOCOL in offered
