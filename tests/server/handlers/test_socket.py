"""``GET /api/ws`` over real sockets: who is let in, how the others are told, and that every slot comes back."""

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable, Mapping

import pytest
from gateways import SECRET, WITH_TOKENS, Answer, RunningGateway, envelope, running_gateway, token_for
from node_peers import Closed
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from wire import BINARY, CLOSE, TEXT, RawClient

from server.auth import issue_token
from server.handlers.socket import SocketHandler
from tests.conftest import ExpectedLogs

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def _refusals(running: RunningGateway, headers: Mapping[str, str] | None = None) -> tuple[Answer, Closed]:
    """How the same request is refused as plain HTTP and as a WebSocket; in neither case is there an actor."""
    clients = len(running.gateway.clients)
    plain = await running.request("GET", "/api/ws", headers=headers)
    async with await running.tab(headers=headers) as tab:
        closed = await tab.closed()
        assert tab.seen == []
    assert len(running.gateway.clients) == clients
    assert len(closed.reason.encode()) <= 123
    return plain, closed


async def _until_empty(running: RunningGateway) -> None:
    """Every slot was given back, and every client's actor has ended."""
    async with asyncio.timeout(5):
        await running.gateway.admission.until_empty()
        while len(running.gateway.clients):
            await asyncio.sleep(0)


@pytest.mark.gen_test
async def test_the_first_frame_is_hello_with_what_the_client_must_know() -> None:
    settings = {"mailbox.messages": 7, "heartbeat.interval_s": 12}
    async with running_gateway(settings) as running, await running.tab() as tab:
        hello = await tab.frame()
        assert (hello["v"], hello["topic"], hello["type"]) == (1, "system", "hello")
        assert "seq" not in hello
        assert hello["data"] == {
            "client": hello["data"]["client"],
            "user": "anonymous",
            "heartbeat_s": 12,
            "mailbox": {"messages": 7, "bytes": 1048576},
            "expires_at": None,
            "reconnect_jitter_ms": 1000,
            "epoch": running.gateway.bus.epoch,
        }
        assert len(hello["data"]["client"]) >= 16


@pytest.mark.gen_test
async def test_our_subprotocol_is_chosen_and_the_tokens_never_echoed() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        token = token_for()
        async with await running.tab(token=token) as tab:
            assert tab.subprotocol == "fanwire.v1"
            assert (await tab.frame())["data"]["user"] == "ada"
            assert tab.connection.response and token not in str(tab.connection.response.headers)
        async with await running.tab(subprotocols=(), token=token) as tab:
            assert tab.subprotocol is None
            assert (await tab.frame())["type"] == "hello"


@pytest.mark.gen_test
async def test_a_client_that_asks_for_another_subprotocol_is_told_which_one_to_ask_for() -> None:
    async with running_gateway() as running:
        async with await running.tab(subprotocols=("fanwire.v2",)) as tab:
            assert await tab.closed() == Closed(4400, "subprotocol: must be fanwire.v1")
        assert len(running.gateway.clients) == 0


@pytest.mark.gen_test
async def test_no_token_is_401_and_4401() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        plain, closed = await _refusals(running)
        assert plain.status == 401
        assert plain.headers["WWW-Authenticate"] == "Bearer"
        assert plain.body["code"] == "unauthorized"
        assert closed == Closed(4401, plain.body["message"])
        assert "fanwire.token.<jwt>" in closed.reason


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("token", "why"),
    [
        (lambda: issue_token(b"another secret, as long as it has to be", sub="ada", ttl_s=60), "signature"),
        (lambda: issue_token(SECRET.encode(), sub="ada", ttl_s=60, now=lambda: 1_000_000.0), "expired"),
        (lambda: "not.a.token", "base64url"),
        (lambda: "x" * 8193, "8192 bytes"),
    ],
)
async def test_a_bad_token_is_401_and_4401_and_says_what_is_wrong(token: Callable[[], str], why: str) -> None:
    async with running_gateway(WITH_TOKENS) as running:
        plain, closed = await _refusals(running, {"Authorization": f"Bearer {token()}"})
        assert (plain.status, closed.code) == (401, 4401)
        assert why in closed.reason
        assert why in plain.body["message"]


@pytest.mark.gen_test
async def test_a_foreign_origin_is_403_and_4403() -> None:
    async with running_gateway({"server.allowed_origins": ["https://app.example"]}) as running:
        plain, closed = await _refusals(running, {"Origin": "https://evil.example"})
        assert (plain.status, plain.body["code"]) == (403, "forbidden")
        assert closed == Closed(4403, plain.body["message"])
        assert "server.allowed_origins" in closed.reason


@pytest.mark.gen_test
@pytest.mark.parametrize("origin", ["null", "file://", "https://app.example:8443", "http://app.example", "garbage"])
async def test_an_origin_that_only_resembles_an_allowed_one_is_refused(origin: str) -> None:
    async with running_gateway({"server.allowed_origins": ["https://app.example"]}) as running:
        _, closed = await _refusals(running, {"Origin": origin})
        assert closed.code == 4403


@pytest.mark.gen_test
async def test_the_gateways_own_origin_and_a_listed_one_are_welcome() -> None:
    async with running_gateway({"server.allowed_origins": ["https://app.example"]}) as running:
        for origin in ("https://app.example", f"http://127.0.0.1:{running.port}"):
            async with await running.tab(headers={"Origin": origin}) as tab:
                assert (await tab.frame())["type"] == "hello"


@pytest.mark.gen_test
async def test_one_connection_too_many_is_503_and_1013(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("GET /api/ws 503")
    async with running_gateway({"limits.connections": 1}) as running, await running.tab() as first:
        await first.frame()
        plain, closed = await _refusals(running)
        assert (plain.status, plain.body["code"], plain.headers["Retry-After"]) == (503, "overloaded", "5")
        assert closed.code == 1013
        assert "limits.connections" in closed.reason
        assert closed.reason.endswith("retry_after=5")


@pytest.mark.gen_test
async def test_too_many_connections_of_one_address_are_429_and_4429() -> None:
    settings = {"limits.connections_per_ip": 1, "server.trusted_proxies": ["127.0.0.1"]}
    async with running_gateway(settings) as running:
        mine = {"X-Forwarded-For": "203.0.113.7"}
        async with await running.tab(headers=mine) as first:
            await first.frame()
            plain, closed = await _refusals(running, mine)
            assert (plain.status, plain.body["code"], plain.headers["Retry-After"]) == (429, "rate_limited", "5")
            assert closed.code == 4429
            assert "limits.connections_per_ip" in closed.reason
            assert closed.reason.endswith("retry_after=5")
            async with await running.tab(headers={"X-Forwarded-For": "203.0.113.8"}) as other:
                assert (await other.frame())["type"] == "hello"


@pytest.mark.gen_test
async def test_too_many_connections_of_one_user_are_429_and_4429() -> None:
    async with running_gateway({**WITH_TOKENS, "limits.connections_per_user": 1}) as running:
        bearer = {"Authorization": f"Bearer {token_for('ada')}"}
        async with await running.tab(token=token_for("ada")) as first:
            await first.frame()
            plain, closed = await _refusals(running, bearer)
            assert (plain.status, plain.headers["Retry-After"], closed.code) == (429, "5", 4429)
            assert "limits.connections_per_user" in closed.reason
            async with await running.tab(token=token_for("bob")) as other:
                assert (await other.frame())["type"] == "hello"


@pytest.mark.gen_test
async def test_a_request_that_is_no_upgrade_is_told_so() -> None:
    async with running_gateway() as running:
        plain = await running.request("GET", "/api/ws")
        assert (plain.status, plain.body["code"], plain.headers["Upgrade"]) == (426, "upgrade_required", "websocket")
        assert len(running.gateway.clients) == 0


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({**UPGRADE, "Sec-WebSocket-Version": "12"}, 426),
        ({**UPGRADE, "Connection": "keep-alive"}, 400),
        ({name: value for name, value in UPGRADE.items() if name != "Sec-WebSocket-Key"}, 400),
    ],
)
async def test_half_a_handshake_is_an_http_error_and_holds_no_slot(headers: Mapping[str, str], status: int) -> None:
    async with running_gateway() as running:
        assert (await _raw_status(running, headers)) == status
        assert running.gateway.admission.connections == 0
        assert len(running.gateway.clients) == 0


@pytest.mark.gen_test
async def test_the_request_ends_with_its_handshake() -> None:
    """Nothing of it is kept for as long as the tab is open, and no collector is needed to let go of it."""
    async with running_gateway() as running:
        gc.collect()
        gc.disable()
        try:
            async with await RawClient.upgraded(running.port) as client:
                assert await client.frame() is not None
                of_the_request = SocketHandler | HTTPServerRequest | HTTP1Connection
                assert not [kept for kept in gc.get_objects() if isinstance(kept, of_the_request)]
        finally:
            gc.enable()


async def _raw_status(running: RunningGateway, headers: Mapping[str, str]) -> int:
    lines = ["GET /api/ws HTTP/1.1", f"Host: 127.0.0.1:{running.port}", *(f"{n}: {v}" for n, v in headers.items())]
    async with await RawClient.connect(running.port) as client:
        await client.send_bytes(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int((await client.head()).split()[1])


async def _leave_in_order(client: RawClient) -> None:
    await client.send(CLOSE, (1000).to_bytes(2))
    assert await client.closed() == Closed(1000, "")


async def _hang_up(client: RawClient) -> None:
    client.close()


async def _reset(client: RawClient) -> None:
    client.reset()


async def _reset_half_way_through_a_frame(client: RawClient) -> None:
    await client.send_bytes(b"\x81\xfe\xff\xff")
    client.reset()


async def _break_the_protocol(client: RawClient) -> None:
    await client.send(TEXT, b"{}", masked=False)
    assert await client.closed() is not None


async def _send_binary(client: RawClient) -> None:
    await client.send(BINARY, b"\0")
    assert (await client.closed() or Closed(0, "")).code == 4400


async def _send_too_much(client: RawClient) -> None:
    await client.send(TEXT, b"x" * 70_000)
    assert (await client.closed() or Closed(0, "")).code == 1009


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "leave",
    [
        _leave_in_order,
        _hang_up,
        _reset,
        _reset_half_way_through_a_frame,
        _break_the_protocol,
        _send_binary,
        _send_too_much,
    ],
)
async def test_however_a_connection_ends_its_slot_comes_back(leave: Callable[[RawClient], Awaitable[None]]) -> None:
    async with running_gateway({"limits.connections": 1}) as running:
        async with await RawClient.upgraded(running.port) as client:
            assert await client.frame() is not None
            assert running.gateway.admission.connections == 1
            await leave(client)
        await _until_empty(running)
        async with await running.tab() as next_one:
            assert (await next_one.frame())["type"] == "hello"


@pytest.mark.gen_test
async def test_a_client_that_hangs_up_during_the_handshake_holds_no_slot() -> None:
    async with running_gateway({"limits.connections": 1}) as running:
        for _ in range(20):
            client = await RawClient.connect(running.port)
            await client.send_bytes(RawClient.handshake(running.port))
            client.reset()
        await _until_empty(running)
        async with await running.tab() as next_one:
            assert (await next_one.frame())["type"] == "hello"


@pytest.mark.gen_test
async def test_refused_handshakes_hold_no_slot() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        for _ in range(20):
            async with await running.tab() as tab:
                assert (await tab.closed()).code == 4401
        assert running.gateway.admission.connections == 0
        assert len(running.gateway.clients) == 0


@pytest.mark.gen_test
async def test_what_a_refused_client_still_sends_is_not_looked_at() -> None:
    async with running_gateway(WITH_TOKENS) as running, await RawClient.upgraded(running.port) as client:
        await client.send(TEXT, json.dumps(envelope("thread:42")).encode())
        assert (await client.closed() or Closed(0, "")).code == 4401
        assert len(running.gateway.directory) == 0


@pytest.mark.gen_test
async def test_hosts_of_a_trusted_proxy_that_takes_tls_off_count_as_https() -> None:
    async with running_gateway({"server.trusted_proxies": ["127.0.0.1"]}) as running:
        headers = {"X-Forwarded-Proto": "https", "Origin": f"https://127.0.0.1:{running.port}"}
        async with await running.tab(headers=headers) as tab:
            assert (await tab.frame())["type"] == "hello"


@pytest.mark.gen_test
async def test_forwarded_headers_of_a_stranger_are_not_believed() -> None:
    async with running_gateway({"limits.connections_per_ip": 1}) as running:
        async with await running.tab(headers={"X-Forwarded-For": "203.0.113.7"}) as first:
            await first.frame()
            _, closed = await _refusals(running, {"X-Forwarded-For": "203.0.113.8"})
            assert closed.code == 4429
        _, closed = await _refusals(
            running, {"X-Forwarded-Proto": "https", "Origin": f"https://127.0.0.1:{running.port}"}
        )
        assert closed.code == 4403
