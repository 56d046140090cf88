"""The gateway behind nginx and HAProxy, with the files of deploy/: sockets, streams, addresses, and what stays in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import websockets
from event_stream import EventStream, events_path
from gateways import LONG_S, WITH_TOKENS, RunningGateway, Tab, envelope, running_gateway, token_for
from node_peers import Closed
from proxies import PROXIES
from websockets.typing import Subprotocol
from wire import RawClient

from server.testing.server_process import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("proxy", PROXIES)]

SETTINGS = {**WITH_TOKENS, "server.trusted_proxies": ["127.0.0.1"]}
TOKEN = token_for(publish=["*"], subscribe=["*"], ttl_s=LONG_S)


@asynccontextmanager
async def behind(proxy: str, folder: Path) -> AsyncIterator[tuple[RunningGateway, ServerProcess]]:
    """A gateway that everybody reaches through ``proxy``."""
    async with running_gateway(SETTINGS) as running, PROXIES[proxy](folder, running.port) as server:
        running.port = server.port
        yield running, server


@pytest.mark.gen_test(timeout=30)
async def test_a_socket_goes_through_with_its_token_its_messages_and_its_end(proxy: str, tmp_path: Path) -> None:
    async with behind(proxy, tmp_path) as (running, _), await running.tab(token=TOKEN) as tab:
        assert tab.subprotocol == "fanwire.v1"
        await tab.subscribe("thread:1")
        assert (await running.publish(envelope("thread:1", data="ü" * 10_000), token=TOKEN)).status == 200
        assert (await tab.frame_of_type("note"))["data"] == "ü" * 10_000
        stopping = asyncio.ensure_future(running.gateway.stop(2.0))
        assert (await tab.frame_of_type("reconnect"))["data"]["reason"] == "drain"
        assert (await tab.closed()).code == 1012
        await stopping


@pytest.mark.gen_test(timeout=30)
async def test_events_come_one_by_one_and_not_when_a_buffer_is_full(proxy: str, tmp_path: Path) -> None:
    async with behind(proxy, tmp_path) as (running, _):
        path = events_path(["thread:1"], token=TOKEN)
        async with await EventStream.connected(running.port, path) as stream:
            await stream.frame_of_type("subscribed")
            for n in range(3):
                await running.publish(envelope("thread:1", data=n), token=TOKEN)
                assert (await stream.frame_of_type("note"))["data"] == n
            stopping = asyncio.ensure_future(running.gateway.stop(2.0))
            assert (await stream.closed() or Closed(0, "")).code == 1012
            await stopping


@pytest.mark.gen_test(timeout=30)
async def test_refusals_reach_a_socket_as_close_codes_and_a_request_as_a_status(proxy: str, tmp_path: Path) -> None:
    async with behind(proxy, tmp_path) as (running, _):
        async with await running.tab(token="not.a.token") as tab:
            assert (await tab.closed()).code == 4401
        assert (await running.publish(envelope("t"), token="not.a.token")).status == 401
        assert (await running.publish(envelope("t", data="x" * 70_000), token=TOKEN)).status == 413


@pytest.mark.gen_test(timeout=30)
async def test_a_client_counts_by_its_own_address_whatever_it_claims(proxy: str, tmp_path: Path) -> None:
    async with behind(proxy, tmp_path) as (running, _):
        connection = await websockets.connect(
            running.ws_url,
            subprotocols=[Subprotocol("fanwire.v1"), Subprotocol(f"fanwire.token.{TOKEN}")],
            additional_headers={"X-Forwarded-For": "203.0.113.9"},
            local_addr=("127.0.0.2", 0),
            proxy=None,
        )
        async with Tab(connection) as tab:
            await tab.frame_of_type("hello")
            assert dict(running.gateway.admission._addresses) == {"127.0.0.2": 1}


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz", "/api/trace/x", "/", "/api/ws/../../metrics"])
async def test_what_is_for_operators_is_not_passed_on(path: str, proxy: str, tmp_path: Path) -> None:
    async with behind(proxy, tmp_path) as (running, _), await RawClient.connect(running.port) as client:
        await client.send_bytes(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert " 404 " in (await client.head()).splitlines()[0]


@pytest.mark.gen_test(timeout=30)
async def test_no_token_reaches_a_log(proxy: str, tmp_path: Path) -> None:
    async with behind(proxy, tmp_path) as (running, server):
        async with await EventStream.connected(running.port, events_path(["t"], token=TOKEN)) as stream:
            await stream.frame_of_type("subscribed")
        async with await running.tab(token=TOKEN) as tab:
            await tab.frame()
    logs = server.log + "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert TOKEN not in logs
    if proxy == "nginx":
        assert "GET /api/events" in logs and "GET /api/ws" in logs
