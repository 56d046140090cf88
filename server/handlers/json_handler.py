"""What all HTTP routes share: JSON out, and every refusal as ``{"code", "message"}`` with its status."""

from typing import Any, ClassVar

from tornado.web import HTTPError, RequestHandler

from actors.protocol.codec import encode
from server.admission import Refused
from server.allowed_methods import allowed_methods

__all__ = ["JsonHandler"]


class JsonHandler(RequestHandler):
    """Owns nothing; answers are never cached. ``routine``: only what goes wrong is worth a line in the log."""

    routine: ClassVar[bool] = False

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

    def answer(self, value: object, status: int = 200) -> None:
        self.set_status(status)
        self.finish(encode(value))

    def refuse(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        if retry_after_s is not None:
            self.set_header("Retry-After", str(retry_after_s))
        if status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        self.answer({"code": code, "message": message}, status)

    def turn_away(self, refused: Refused) -> None:
        self.refuse(refused.status, refused.code, refused.message, refused.retry_after_s)

    def compute_etag(self) -> None:
        """None: what is never cached needs no name."""

    def log_exception(self, *exception: Any) -> None:
        """A request's own fault is in its access line; Tornado's warning would have the whole URI, token included."""
        if not isinstance(exception[1], HTTPError):
            super().log_exception(*exception)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tornado's own errors (404, 405, a handler that failed) in the same shape."""
        if status_code == 405:
            self.set_header("Allow", ", ".join(allowed_methods(type(self))))
        codes = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}
        self.finish(encode({"code": codes.get(status_code, "internal"), "message": self._reason}))
