"""Cross-origin use of the HTTP routes that browsers call: each allowed Origin by its own name, never ``*``."""

from typing import ClassVar

from actors.protocol.codes import ErrorCode
from server.access import WRONG_ORIGIN, Access
from server.handlers.json_handler import JsonHandler

__all__ = ["CrossOriginHandler"]

_MAX_AGE_S = 600


class CrossOriginHandler(JsonHandler):
    """Pages of allowed Origins may read the answers; whether others get one at all is the route's to say.

    ``cross_origin`` is the method that such a page may use, ``cross_origin_headers`` what it may send with it.
    """

    cross_origin: ClassVar[str] = "GET"
    cross_origin_headers: ClassVar[str] = "Authorization"

    _access: Access  # each route's own ``initialize`` sets it

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Vary", "Origin")

    def let_origin_read(self) -> None:
        """To be called before anything is answered."""
        origin = self.request.headers.get("Origin")
        if origin is not None and self._access.is_of_allowed_origin(self.request):
            self.set_header("Access-Control-Allow-Origin", origin)

    def options(self) -> None:
        """A preflight, or a question like it. Source: Fetch Standard, CORS-preflight."""
        if not self._access.is_of_allowed_origin(self.request):
            self.refuse(403, ErrorCode.FORBIDDEN, WRONG_ORIGIN)
            return
        self.let_origin_read()
        self.set_header("Access-Control-Allow-Methods", self.cross_origin)
        self.set_header("Access-Control-Allow-Headers", self.cross_origin_headers)
        self.set_header("Access-Control-Max-Age", str(_MAX_AGE_S))
        self.set_status(204)
        self.finish()
