"""``GET /metrics``: who may read it, in which format, and what is said where it cannot be had."""

import importlib.util
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.abc import MetaPathFinder
from typing import Any

import pytest
from gateways import SECRET, token_for
from tornado.httpclient import HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.netutil import bind_sockets
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.web import Application

from actors.meter import Meter
from actors.metrics import WS_CONNECTED, WS_CONNECTIONS
from actors.protocol.codec import decode_object
from actors.protocol.permissions import Identity
from server.access import Access
from server.admission import Admission, Refused
from server.authentication import authenticator_of
from server.config import AuthConfig, LimitsConfig, ServerConfig
from server.handlers import metrics
from server.operators import Operators

WITH_TOKENS = AuthConfig(mode="jwt", secret=SECRET)
WITHOUT_TOKENS = AuthConfig(mode="disabled")
FORWARDED = {"X-Forwarded-For": "203.0.113.7"}


def _operators(auth: AuthConfig = WITH_TOKENS, **server: tuple[str, ...]) -> Operators:
    config = ServerConfig(**server)  # type: ignore[arg-type]
    return Operators(Access(config, authenticator_of(auth), Admission(LimitsConfig()), Meter()))


def _bearer(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(**claims)}"}


class _Scraper:
    """An HTTP client of one server that has only ``/metrics``, on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._http = SimpleAsyncHTTPClient(force_instance=True)

    async def fetch(self, headers: Mapping[str, str] | None = None, method: str = "GET") -> HTTPResponse:
        url = f"http://127.0.0.1:{self._port}/metrics"
        return await self._http.fetch(
            url, method=method, headers=HTTPHeaders(headers or {}), raise_error=False, request_timeout=20
        )

    def close(self) -> None:
        self._http.close()


@asynccontextmanager
async def _serving(
    meter: Meter | None = None,
    auth: AuthConfig = WITH_TOKENS,
    handler: type[metrics.MetricsHandler] = metrics.MetricsHandler,
) -> AsyncIterator[_Scraper]:
    (listener,) = bind_sockets(0, "127.0.0.1")
    parts = {"operators": _operators(auth), "meter": meter or Meter()}
    server = HTTPServer(Application([("/metrics", handler, parts)], log_function=lambda handler: None))
    server.add_socket(listener)
    scraper = _Scraper(listener.getsockname()[1])
    try:
        yield scraper
    finally:
        scraper.close()
        server.stop()
        await server.close_all_connections()


@pytest.mark.gen_test
async def test_a_scraper_on_this_machine_needs_no_token_and_reads_what_was_counted() -> None:
    meter = Meter()
    meter.add(WS_CONNECTED, 3)
    meter.watch(WS_CONNECTIONS, lambda: 2)
    async with _serving(meter) as scraper:
        answer = await scraper.fetch()
    assert (answer.code, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = answer.body.decode().splitlines()
    assert {"ws_connected_total 3.0", "ws_connections 2.0"} <= set(lines)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.gen_test
async def test_who_prefers_openmetrics_gets_it() -> None:
    async with _serving() as scraper:
        answer = await scraper.fetch({"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.body.endswith(b"# EOF\n")


@pytest.mark.gen_test
async def test_head_says_how_long_the_page_is_and_sends_nothing() -> None:
    async with _serving() as scraper:
        head = await scraper.fetch(method="HEAD")
    assert (head.code, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) > 1000


@pytest.mark.gen_test
@pytest.mark.parametrize("headers", [FORWARDED, {"Host": "gateway.example"}])
async def test_from_elsewhere_an_admins_token_is_needed(headers: dict[str, str]) -> None:
    async with _serving() as scraper:
        without = await scraper.fetch(headers)
        bad = await scraper.fetch(headers | {"Authorization": "Bearer not.a.token"})
        reader = await scraper.fetch(headers | _bearer(subscribe=["*"], publish=["*"]))
        admin = await scraper.fetch(headers | _bearer(admin=True))
    assert [answer.code for answer in (without, bad, reader, admin)] == [401, 401, 403, 200]
    assert without.headers["WWW-Authenticate"] == "Bearer"
    assert decode_object(without.body)["code"] == "unauthorized"
    assert decode_object(reader.body) == {
        "code": "forbidden",
        "message": "token: claim admin must be true for operational data",
    }


@pytest.mark.gen_test
async def test_where_nobody_needs_a_token_only_requests_that_access_lets_in_are_served() -> None:
    async with _serving(auth=WITHOUT_TOKENS) as scraper:
        assert (await scraper.fetch()).code == 200
        assert (await scraper.fetch({"Host": "rebound.example"})).code == 403
        assert (await scraper.fetch({"Origin": "https://evil.example"})).code == 403


class _NotInstalled(MetaPathFinder):
    """Python's own answer where prometheus-client was not installed."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "prometheus_client":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_without_prometheus_client_501_names_the_extra(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("prometheus_client", "server.metrics.prometheus"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_NotInstalled(), *sys.meta_path])
    spec = importlib.util.spec_from_file_location("metrics_without_prometheus", metrics.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    async with _serving(handler=module.MetricsHandler) as scraper:
        answer = await scraper.fetch(method=method)
        stranger = await scraper.fetch(FORWARDED)
    assert (answer.code, stranger.code) == (501, 401)
    if method == "GET":
        assert "pip install 'fanwire[prometheus]'" in str(decode_object(answer.body)["message"])


def _request(remote_ip: str, headers: Mapping[str, str] | None = None) -> HTTPServerRequest:
    class Connection:
        """What Tornado asks of a request's connection: the address of its other end."""

        protocol = "http"

        def __init__(self) -> None:
            self.context = self
            self.remote_ip = remote_ip

    fields = HTTPHeaders({"Host": "localhost:8080", **(headers or {})})
    start_line = RequestStartLine("GET", "/metrics", "HTTP/1.1")
    return HTTPServerRequest(headers=fields, connection=Connection(), start_line=start_line)  # type: ignore[arg-type]


@pytest.mark.gen_test
@pytest.mark.parametrize("remote_ip", ["127.0.0.1", "127.9.9.9", "::1"])
@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
async def test_every_address_and_name_of_loopback_is_this_machine(remote_ip: str, host: str) -> None:
    assert await _operators().may_scrape(_request(remote_ip, {"Host": host})) is None


@pytest.mark.gen_test
@pytest.mark.parametrize("remote_ip", ["10.0.0.9", "203.0.113.7", "fe80::1", "0.0.0.0", ""])
async def test_another_machine_is_not_this_one_whatever_host_it_names(remote_ip: str) -> None:
    refused = await _operators().may_scrape(_request(remote_ip))
    assert isinstance(refused, Refused)
    assert refused.status == 401


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"x-forwarded-for": ""},
        {"X-Real-IP": "127.0.0.1"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Host": "localhost"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"Origin": "http://localhost:8080"},
    ],
)
@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",)])
async def test_what_a_proxy_or_a_page_passes_on_is_never_local(
    header: dict[str, str], trusted: tuple[str, ...]
) -> None:
    refused = await _operators(trusted_proxies=trusted).may_scrape(_request("127.0.0.1", header))
    assert isinstance(refused, Refused)
    assert refused.status == 401


@pytest.mark.gen_test
async def test_an_operator_is_an_admin_also_on_this_machine() -> None:
    operators = _operators()
    without = await operators.identify(_request("127.0.0.1"))
    reader = await operators.identify(_request("127.0.0.1", _bearer(subscribe=["*"])))
    admin = await operators.identify(_request("203.0.113.7", _bearer(sub="root", admin=True)))
    assert isinstance(without, Refused)
    assert isinstance(reader, Refused)
    assert isinstance(admin, Identity)
    assert (without.status, reader.status, admin.user) == (401, 403, "root")


@pytest.mark.gen_test
async def test_where_nobody_needs_a_token_everybody_is_an_operator() -> None:
    identity = await _operators(WITHOUT_TOKENS).identify(_request("127.0.0.1"))
    assert isinstance(identity, Identity)
    assert (identity.user, identity.admin) == ("anonymous", True)
