"""Who may see operational data: whoever sits at this machine, and admins. Owns nothing."""

import logging

from tornado.httputil import HTTPServerRequest

from actors.protocol.codes import CloseCode
from actors.protocol.permissions import Identity
from server.access import Access
from server.addresses import is_loopback
from server.admission import Refused

__all__ = ["Operators"]

# A proxy on this machine connects from loopback for strangers, and so does a browser for the page it shows.
_SOMEBODY_ELSES = (
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via"),
    "Origin",
)

log = logging.getLogger("fanwire.operators")


class Operators:
    """Admins by their token's claim ``admin``; with ``auth.mode = "disabled"`` everybody whom `Access` lets in."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def may_scrape(self, request: HTTPServerRequest) -> Refused | None:
        """Why ``request`` may not read the metrics, or None. A scraper on this machine needs no token."""
        if _is_from_this_machine(request):
            return None
        identity = await self.identify(request)
        return identity if isinstance(identity, Refused) else None

    async def identify(self, request: HTTPServerRequest) -> Identity | Refused:
        """The admin whose request this is; 401 without a good token, 403 where it is not an admin's."""
        identity = await self._access.identify(request)
        if isinstance(identity, Refused) or identity.admin:
            return identity
        log.info("not an admin", extra={"user": identity.user, "remote_ip": self._access.address_of(request)})
        # A WebSocket would be closed 4401: come back with another token.
        return Refused(403, "forbidden", CloseCode.UNAUTHORIZED, "token: claim admin must be true for operational data")


def _is_from_this_machine(request: HTTPServerRequest) -> bool:
    """Whether both ends are loopback by address and by name, and nobody says that it is passed on.

    The Host is looked at because a name that somebody points here (DNS rebinding), or a proxy that keeps the
    name it was called by, shows in nothing else.
    """
    ends = (request.remote_ip or "", request.host_name)
    return all(map(is_loopback, ends)) and not any(name in request.headers for name in _SOMEBODY_ELSES)
