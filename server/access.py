"""Who may come in: Origin, limits and token, looked at in this order before anything is allocated."""

import logging
from collections.abc import Sequence

from tornado.httputil import HTTPServerRequest

from actors.meter import Meter
from actors.metrics import WS_AUTH_FAILURES, WS_REFUSED
from actors.protocol.codes import CloseCode, ErrorCode, Refusal
from actors.protocol.permissions import Identity
from server.addresses import is_loopback
from server.admission import Admission, Refused
from server.auth import AnonymousAuthenticator, Authenticator, TokenRefused, find_token
from server.config import ServerConfig
from server.peer import client_address, networks_from, origin_is_allowed

__all__ = ["WRONG_ORIGIN", "Access", "offered_subprotocols"]

WRONG_ORIGIN = "Origin is not in server.allowed_origins and not the gateway's own"

log = logging.getLogger("fanwire.access")


def offered_subprotocols(request: HTTPServerRequest) -> Sequence[str]:
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    return [name.strip() for name in offered.split(",") if name.strip()]


class Access:
    """Answers with an ``Identity`` or with a ``Refused`` that has both a status and a close code."""

    def __init__(self, server: ServerConfig, authenticator: Authenticator, admission: Admission, meter: Meter) -> None:
        self._allowed_origins = server.allowed_origins
        self._trusted_proxies = networks_from(server.trusted_proxies)
        self._authenticator = authenticator
        self.admission = admission
        self._meter = meter

    def address_of(self, request: HTTPServerRequest) -> str:
        forwarded = request.headers.get("X-Forwarded-For")
        return client_address(request.remote_ip or "", forwarded, self._trusted_proxies)

    async def connect(self, request: HTTPServerRequest) -> Identity | Refused:
        """May this request become a connection?"""
        address = self.address_of(request)
        admitted: Identity | Refused | None = self.admission.look(address) or self._check_origin(request)
        if admitted is None:
            admitted = await self.identify(request)
        if isinstance(admitted, Identity):
            admitted = self.admission.look(address, admitted.user) or admitted
        if isinstance(admitted, Refused):
            extra = {"code": int(admitted.close_code), "remote_ip": address}
            log.info("connection refused: %s", admitted.message, extra=extra)
            self._meter.add(WS_REFUSED, 1, admitted.code)
        return admitted

    async def identify(self, request: HTTPServerRequest) -> Identity | Refused:
        """Whose request this is, by the token in any of the three places."""
        try:
            return self._check_local(request) or await self._authenticator.identify(_token_of(request))
        except TokenRefused as refused:
            log.info("token refused: %s", refused, extra={"reason": refused.reason})
            self._meter.add(WS_AUTH_FAILURES, 1, refused.reason)
            return Refused(401, "unauthorized", CloseCode.UNAUTHORIZED, f"token: {refused}")

    async def renew(self, token: str) -> Identity | Refusal:
        """Whose token an ``auth`` frame brought."""
        try:
            return await self._authenticator.identify(token)
        except TokenRefused as refused:
            self._meter.add(WS_AUTH_FAILURES, 1, refused.reason)
            return Refusal(ErrorCode.FORBIDDEN, f"token: {refused}")

    def is_of_allowed_origin(self, request: HTTPServerRequest) -> bool:
        """Whether a page may read the answer to ``request``, if it comes from one at all."""
        return self._check_origin(request) is None

    def _check_local(self, request: HTTPServerRequest) -> Refused | None:
        """Where nobody needs a token, a web page must not reach in: by a name that it points here or by a form."""
        if not isinstance(self._authenticator, AnonymousAuthenticator):
            return None
        if is_loopback(request.host_name):
            return self._check_origin(request)
        message = "Host must be a loopback address while auth.mode is disabled"
        return Refused(403, "forbidden", CloseCode.ORIGIN_FORBIDDEN, message)

    def _check_origin(self, request: HTTPServerRequest) -> Refused | None:
        origin = request.headers.get("Origin")
        if origin_is_allowed(origin, f"{self._scheme(request)}://{request.host}", self._allowed_origins):
            return None
        return Refused(403, "forbidden", CloseCode.ORIGIN_FORBIDDEN, WRONG_ORIGIN)

    def _scheme(self, request: HTTPServerRequest) -> str:
        """``https`` where a trusted proxy says that it has taken TLS off."""
        forwarded = request.headers.get("X-Forwarded-Proto")
        if forwarded is None:
            return request.protocol
        behind_proxy = client_address(request.remote_ip or "", "0.0.0.0", self._trusted_proxies) == "0.0.0.0"  # noqa: S104
        return forwarded if forwarded in ("http", "https") and behind_proxy else request.protocol


def _token_of(request: HTTPServerRequest) -> str | None:
    """Raises: TokenRefused where there are two different ones."""
    queried = {value.decode(errors="replace") for value in request.query_arguments.get("token", [])}
    if len(queried) > 1:
        raise TokenRefused("malformed", "two different tokens in one request; send one")
    return find_token(request.headers.get("Authorization"), offered_subprotocols(request), next(iter(queried), None))
