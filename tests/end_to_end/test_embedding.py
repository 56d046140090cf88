"""The examples for applications: a gateway in their process, their event bus bridged, a back end over HTTP."""

import asyncio
import json
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from server.testing import WsHarness
from server.testing.server_process import ServerProcess, free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ENV = {"PYTHONPATH": str(ROOT)}


def _example(name: str, *words: str) -> ServerProcess:
    return ServerProcess([sys.executable, str(ROOT / "examples" / name), "--port", "{port}", *words], env=ENV)


async def _post(port: int, path: str, body: object) -> tuple[int, Any]:
    def post() -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    return await asyncio.to_thread(post)


@pytest.mark.gen_test(timeout=30)
async def test_an_application_publishes_from_within_its_own_process() -> None:
    gateway_port = free_port()
    async with _example("embedded_tornado.py", "--gateway-port", str(gateway_port)) as application:
        async with WsHarness(f"http://127.0.0.1:{gateway_port}", topics=["orders"], timeout=5) as ws:
            status, order = await _post(application.port, "/orders", {"item": "tea"})
            assert (status, order["number"]) == (200, 1)
            seen = await ws.expect("order_created")
            assert (seen["data"], seen["seq"]) == ({"number": 1, "item": "tea"}, order["seq"])
            application.send_signal(signal.SIGTERM)
            await ws.expect_close(1012)
        assert await application.wait() == 0
        assert "Traceback" not in application.log


@pytest.mark.gen_test(timeout=30)
async def test_what_an_event_bus_emits_arrives_whole_and_in_order() -> None:
    async with _example("bridge_event_bus.py", "--jobs", "2", "--steps", "20") as application:
        await application.wait_for_log("all jobs are done")
        topics = {"jobs:2": "earliest"}
        async with WsHarness(f"http://127.0.0.1:{application.port}", topics=topics, timeout=5) as ws:
            seen = [(await ws.expect("progress"))["data"]["percent"] for _ in range(20)]
        assert seen == list(range(5, 101, 5))


@pytest.mark.gen_test(timeout=30)
async def test_a_fastapi_back_end_publishes_over_http_and_says_when_it_cannot() -> None:
    serve = [sys.executable, "-m", "server.cli", "serve", "--dev", "--port", "{port}"]
    async with ServerProcess(serve, env=ENV) as gateway:
        url = f"http://127.0.0.1:{gateway.port}"
        async with _example("fastapi_publisher.py", "--gateway", url) as backend:
            async with WsHarness(url, topics=["thread:42"], timeout=5) as ws:
                status, stored = await _post(backend.port, "/threads/42/messages", {"text": "Hello"})
                assert status == 201
                seen = await ws.expect("thread_message_created")
                assert (seen["data"], seen["id"], seen["seq"]) == ({"text": "Hello"}, stored["id"], stored["seq"])
            await gateway.stop()
            assert (await _post(backend.port, "/threads/42/messages", {"text": "?"}))[0] == 503
