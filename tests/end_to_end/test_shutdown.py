"""A gateway that is told to stop: every client is told to come back, the process ends in time with 0."""

import asyncio
import json
import signal
import sys
import urllib.request

import pytest
from gateways import envelope
from node_peers import NodeWebSocket
from wire import PING, TEXT, RawClient

from server.testing.server_process import ServerProcess

pytestmark = pytest.mark.slow

SERVE = [sys.executable, "-m", "server.cli", "serve", "--dev", "--port", "{port}"]
DRAIN_S = 1.5


def _server(port: int | None = None) -> ServerProcess:
    return ServerProcess(SERVE, port=port, env={"FANWIRE_SERVER__DRAIN_S": str(DRAIN_S)})


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process_with_0_and_every_client_with_1012(number: signal.Signals) -> None:
    async with _server() as server:
        url = f"ws://127.0.0.1:{server.port}/api/ws"
        async with NodeWebSocket(url) as one, NodeWebSocket(url) as other:
            await one.frame_of_type("hello")
            await other.frame_of_type("hello")
            server.send_signal(number)
            for peer in (one, other):
                closed = await peer.closed()
                assert closed.code == 1012
                assert "come back" in closed.reason
            assert await server.wait(timeout_s=DRAIN_S + 3) == 0
        assert "Traceback" not in server.log


@pytest.mark.gen_test(timeout=30)
async def test_the_port_is_free_at_once_for_the_next_gateway() -> None:
    async with _server() as server, await RawClient.upgraded(server.port) as client:
        server.send_signal(signal.SIGTERM)
        assert (await client.closed() or (0, "")) != (0, "")
        client.close()
        assert await server.wait() == 0
        async with _server(server.port), NodeWebSocket(f"ws://127.0.0.1:{server.port}/api/ws") as peer:
            assert (await peer.frame())["type"] == "hello"


@pytest.mark.gen_test(timeout=30)
async def test_clients_that_do_not_answer_cannot_hold_the_process_up() -> None:
    async with _server() as server:
        silent = await RawClient.upgraded(server.port)
        half = await RawClient.connect(server.port)
        await half.send_bytes(b"GET /api/ws HTTP/1.1\r\nHost: x\r\n")
        stalled = await RawClient.upgraded(server.port, receive_buffer=4096)
        await stalled.send(TEXT, json.dumps(envelope("system", "subscribe", {"topics": ["t"]})).encode())
        await asyncio.to_thread(_publish_much, server.port)
        await silent.send(PING)
        server.send_signal(signal.SIGTERM)
        assert await server.wait(timeout_s=DRAIN_S + 2) == 0
        closed = await silent.closed()
        assert closed is not None and closed.code == 1012
        for client in (silent, half, stalled):
            client.close()
        assert "Traceback" not in server.log


def _publish_much(port: int) -> None:
    """Enough to fill the kernel's buffers of a client that does not read, too little for its mailbox to overflow."""
    body = json.dumps([{"topic": "t", "type": "n", "data": "x" * 1000}] * 50).encode()
    for _ in range(8):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/publish", body, timeout=5) as answer:
            assert answer.status == 200


@pytest.mark.gen_test(timeout=30)
async def test_a_second_signal_changes_nothing() -> None:
    async with _server() as server, await RawClient.upgraded(server.port) as client:
        server.send_signal(signal.SIGTERM)
        assert (await client.closed()) is not None
        server.send_signal(signal.SIGINT)
        server.send_signal(signal.SIGTERM)
        assert await server.wait(timeout_s=DRAIN_S + 2) == 0


@pytest.mark.gen_test(timeout=30)
async def test_a_gateway_without_clients_ends_at_once() -> None:
    async with _server() as server:
        server.send_signal(signal.SIGTERM)
        assert await server.wait(timeout_s=DRAIN_S) == 0
