"""``/api/ws`` where the request is no opening handshake of a WebSocket: says so, in HTTP."""

from server.access import Access
from server.admission import Refused
from server.handlers.json_handler import JsonHandler
from server.upgrade import is_upgrade, upgrade_flaw

__all__ = ["SocketHandler"]


class SocketHandler(JsonHandler):
    """Behind the route of handshakes: what comes here cannot become a WebSocket."""

    def initialize(self, access: Access) -> None:
        self._access = access

    async def get(self) -> None:
        flaw = upgrade_flaw(self.request.headers) if is_upgrade(self.request.headers) else None
        if flaw is not None:
            self.set_header("Sec-WebSocket-Version", "13")
            self.refuse(flaw.status, "bad_request", flaw.rule)
            return
        admitted = await self._access.connect(self.request)
        if isinstance(admitted, Refused):
            self.turn_away(admitted)
        else:
            self.set_header("Upgrade", "websocket")
            self.refuse(426, "upgrade_required", "this is a WebSocket endpoint; for SSE or HTTP see the docs")
