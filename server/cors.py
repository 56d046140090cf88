"""Cross-origin reads of the HTTP routes that browsers use: each allowed Origin by its own name, never ``*``."""

from tornado.web import RequestHandler

__all__ = ["WRONG_ORIGIN", "allow_origin", "answer_preflight"]

WRONG_ORIGIN = "Origin is not in server.allowed_origins and not the gateway's own"
_MAX_AGE_S = 600
_HEADERS = "Authorization, Last-Event-ID"


def allow_origin(handler: RequestHandler) -> None:
    """Let the page that asked read the answer; to be called once its Origin has been found allowed."""
    handler.set_header("Vary", "Origin")
    origin = handler.request.headers.get("Origin")
    if origin is not None:
        handler.set_header("Access-Control-Allow-Origin", origin)


def answer_preflight(handler: RequestHandler) -> None:
    """The answer to OPTIONS from an allowed Origin. Source: Fetch Standard, CORS-preflight."""
    allow_origin(handler)
    handler.set_header("Access-Control-Allow-Methods", "GET")
    handler.set_header("Access-Control-Allow-Headers", _HEADERS)
    handler.set_header("Access-Control-Max-Age", str(_MAX_AGE_S))
    handler.set_status(204)
    handler.finish()
