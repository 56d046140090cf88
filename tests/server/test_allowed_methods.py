"""``Allow`` is what a route has made its own, whatever kind of route it is."""

import pytest
from gateways import running_gateway
from tornado.web import RequestHandler, StaticFileHandler
from wire import RawClient

from server.allowed_methods import allowed_methods


class _ReadsOnly(RequestHandler):
    def get(self) -> None:
        self.finish()

    head = get


def test_methods_are_those_of_the_route_and_of_what_it_is_made_from() -> None:
    assert allowed_methods(_ReadsOnly) == ["GET", "HEAD"]
    assert allowed_methods(RequestHandler) == []
    assert set(allowed_methods(StaticFileHandler)) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/ops", "/static/fanwire.iife.js", "/healthz"])
@pytest.mark.gen_test
async def test_a_405_names_the_methods_that_there_are(path: str) -> None:
    async with running_gateway() as running, await RawClient.connect(running.port) as client:
        await client.send_bytes(f"DELETE {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await client.head()
    assert head.startswith("HTTP/1.1 405 ")
    assert "Allow: GET, HEAD" in head.split("\r\n")
