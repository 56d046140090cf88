"""A real JWKS endpoint on loopback, whose answers a test sets."""

import asyncio

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

__all__ = ["KeyServer"]


class KeyServer:
    """A JWKS endpoint whose answer a test sets; it is silent until ``proceed`` is set."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.status = 200
        self.headers: dict[str, str] = {}
        self.requests: list[str] = []
        self.proceed = asyncio.Event()
        self.proceed.set()
        self._socket, self._port = bind_unused_port()
        routes = [("/.*", _KeyHandler, {"keys": self})]
        self._server = HTTPServer(Application(routes, log_function=lambda handler: None))
        self._server.add_socket(self._socket)
        self.url = f"http://127.0.0.1:{self._port}/jwks"

    def stop(self) -> None:
        self._server.stop()


class _KeyHandler(RequestHandler):
    def initialize(self, keys: KeyServer) -> None:
        self._keys = keys

    async def get(self) -> None:
        self._keys.requests.append(self.request.path)
        await self._keys.proceed.wait()
        self.set_status(self._keys.status)
        for name, value in self._keys.headers.items():
            self.set_header(name, value)
        self.write(self._keys.body)
