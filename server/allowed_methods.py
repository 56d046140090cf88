"""Which methods a route has: RFC 9110 §15.5.6 wants them named where another one is refused. Owns nothing."""

from collections.abc import Sequence

from tornado.web import RequestHandler

__all__ = ["allowed_methods"]


def allowed_methods(route: type[RequestHandler]) -> Sequence[str]:
    """Those that ``route`` has made its own: the elements of the header ``Allow``."""
    return [name for name in route.SUPPORTED_METHODS if _is_implemented(route, name.lower())]


def _is_implemented(route: type[RequestHandler], method: str) -> bool:
    return getattr(route, method) is not getattr(RequestHandler, method)
