"""What all routes share: JSON for every answer, also for what Tornado itself refuses."""

from collections.abc import Iterator

import pytest
from gateways import running_gateway
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.web import Application
from wire import RawClient

from actors.protocol.codec import decode_object
from actors.protocol.codes import CloseCode
from server.admission import Refused
from server.handlers.json_handler import JsonHandler
from tests.conftest import ExpectedLogs


class _Failing(JsonHandler):
    def get(self) -> None:
        raise RuntimeError("the words of an exception are not for strangers")


class _TurningAway(JsonHandler):
    def get(self) -> None:
        self.turn_away(Refused(429, "rate_limited", CloseCode.TOO_MANY, "too many", 7))


@pytest.fixture
def port(io_loop: IOLoop) -> Iterator[int]:
    (listener,) = bind_sockets(0, "127.0.0.1")
    routes = [("/failing", _Failing), ("/away", _TurningAway)]
    server = HTTPServer(Application(routes, log_function=lambda handler: None))

    async def start() -> None:
        server.add_socket(listener)

    io_loop.run_sync(start)
    yield listener.getsockname()[1]
    server.stop()
    io_loop.run_sync(server.close_all_connections)


@pytest.mark.gen_test
async def test_a_handler_that_fails_answers_500_and_keeps_its_reasons_to_itself(
    port: int, expected_logs: ExpectedLogs
) -> None:
    expected_logs.allow("Uncaught exception GET /failing")
    client = SimpleAsyncHTTPClient(force_instance=True)
    response = await client.fetch(f"http://127.0.0.1:{port}/failing", raise_error=False)
    client.close()
    assert response.code == 500
    assert decode_object(response.body) == {"code": "internal", "message": "Internal Server Error"}


@pytest.mark.gen_test
async def test_a_refusal_carries_its_status_code_message_and_retry_after(port: int) -> None:
    client = SimpleAsyncHTTPClient(force_instance=True)
    response = await client.fetch(f"http://127.0.0.1:{port}/away", raise_error=False)
    client.close()
    assert (response.code, response.headers["Retry-After"]) == (429, "7")
    assert decode_object(response.body) == {"code": "rate_limited", "message": "too many"}


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["/", "/api", "/api/ws/", "/api/nowhere", "/%2e%2e/etc/passwd", "/?token=x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_404_in_json(path: str, method: str) -> None:
    async with running_gateway() as running:
        answer = await running.request(method, path, "{}" if method == "POST" else None)
        assert (answer.status, answer.body) == (404, {"code": "not_found", "message": "no such path"})
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Server" not in answer.headers


@pytest.mark.gen_test
async def test_a_request_that_is_not_http_is_refused_and_hung_up_on() -> None:
    async with running_gateway() as running, await RawClient.connect(running.port) as client:
        await client.send_bytes(b"\x16\x03\x01\x02\x00 not http\r\n\r\n")
        answer = await client.gone()
        assert answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.gen_test
async def test_headers_larger_than_a_token_needs_are_refused() -> None:
    async with running_gateway() as running, await RawClient.connect(running.port) as client:
        await client.send_bytes(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Large: " + b"x" * 20_000 + b"\r\n\r\n")
        assert b"200 OK" not in await client.gone()
