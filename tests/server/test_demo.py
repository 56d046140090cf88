"""What development mode adds to a real gateway: the page under its policy, and the vital signs."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

from server.app import Gateway
from server.config import AuthConfig, Config, ServerConfig, TopicConfig
from server.demo import POLICIES, publish_vitals, with_demo_topics


@asynccontextmanager
async def _gateway(*, dev: bool = True) -> AsyncIterator[Gateway]:
    config = Config(server=ServerConfig(dev=dev, drain_s=0.1), auth=AuthConfig(mode="disabled"))
    gateway = Gateway(config, failed=lambda: None)
    gateway.listen("127.0.0.1", 0)
    try:
        yield gateway
    finally:
        await gateway.stop(drain_s=0.1)


async def _get(gateway: Gateway, path: str) -> HTTPResponse:
    return await AsyncHTTPClient().fetch(f"http://127.0.0.1:{gateway.port}{path}", raise_error=False)


@pytest.fixture
def unbuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the build would go, on a machine without Node."""
    static = tmp_path / "static"
    for module in ("server.demo", "server.handlers.ops"):
        monkeypatch.setattr(f"{module}.STATIC", static)
    return static


@pytest.mark.gen_test
async def test_without_node_a_plain_page_says_what_to_install_and_how_to_go_on(unbuilt: Path) -> None:
    async with _gateway() as gateway:
        page = await _get(gateway, "/")
        assert (await _get(gateway, "/static/demo.js")).code == 404
    assert (page.code, page.headers["Content-Type"]) == (200, "text/html")
    assert b"apt-get install nodejs npm" in page.body and b"curl -X POST" in page.body
    assert b"<script" not in page.body and b"style=" not in page.body


@pytest.mark.gen_test
async def test_a_page_that_is_built_while_the_gateway_runs_is_there_at_the_next_look(unbuilt: Path) -> None:
    async with _gateway() as gateway:
        assert b"nodejs" in (await _get(gateway, "/")).body
        unbuilt.mkdir()
        (unbuilt / "demo.html").write_text("<title>built</title>")
        page = await _get(gateway, "/")
    assert (page.code, page.body) == (200, b"<title>built</title>")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "default-src 'none'" in policy and "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.gen_test
async def test_each_policy_of_the_page_has_a_namespace_in_development_alone(policy: str) -> None:
    async with _gateway() as gateway:
        assert gateway.config.topic(f"demo_{policy}").overflow == policy
    async with _gateway(dev=False) as gateway:
        assert f"demo_{policy}" not in gateway.config.topics


def test_what_is_configured_for_a_namespace_of_the_page_wins() -> None:
    own = TopicConfig(overflow="drop_newest")
    config = with_demo_topics(Config(topics={"demo_latest": own, "thread": own}))
    assert config.topic("demo_latest") == config.topic("thread") == own
    assert config.topic("demo_catch_up").overflow == "catch_up"


@pytest.mark.gen_test
async def test_the_built_browser_client_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.js").write_text("export {};")
    (tmp_path / ".built").write_text("")
    monkeypatch.setattr("server.handlers.ops.STATIC", tmp_path)
    async with _gateway() as gateway:
        answer = await _get(gateway, "/static/index.js")
        assert (answer.code, answer.body) == (200, b"export {};")
        assert "javascript" in answer.headers["Content-Type"]
        assert (await _get(gateway, "/static/.built")).code == 404


@pytest.mark.parametrize("path", ["/plain.html", "/demo.html", "/../demo.py", "/%2e%2e/demo.py", "/static/../demo.py"])
@pytest.mark.gen_test
async def test_nothing_else_is_served(path: str) -> None:
    async with _gateway() as gateway:
        assert (await _get(gateway, path)).code == 404


@pytest.mark.gen_test
async def test_without_dev_there_is_no_page() -> None:
    async with _gateway(dev=False) as gateway:
        assert (await _get(gateway, "/")).code == 404


@pytest.mark.slow
@pytest.mark.gen_test
async def test_vital_signs_come_once_a_second_and_say_how_the_gateway_is() -> None:
    async with _gateway() as gateway:
        socket = await websocket_connect(f"ws://127.0.0.1:{gateway.port}/api/ws", subprotocols=["fanwire.v1"])
        request = {"v": 1, "id": "0b6f7c1e-0000-4000-8000-000000000001", "topic": "system", "type": "subscribe"}
        await socket.write_message(json.dumps(request | {"data": {"topics": ["host:vitals"]}}))
        first, second = [await _next_vitals(socket) for _ in range(2)]
        socket.close()
    assert second["ts"] - first["ts"] == pytest.approx(1.0, abs=0.5)
    data = second["data"]
    assert 0 <= data["memory"]["percent"] <= 100 and len(data["load"]) == 3
    assert data["gateway"]["connections"] == 1
    assert data["gateway"]["topics"] >= 1
    assert data["gateway"]["rss_bytes"] > 1_000_000


async def _next_vitals(socket: WebSocketClientConnection) -> dict[str, Any]:
    while True:
        async with asyncio.timeout(4):
            frame: dict[str, Any] = json.loads(await socket.read_message() or "{}")
        if frame["topic"] == "host:vitals":
            return frame


@pytest.mark.gen_test
async def test_without_psutil_the_extra_is_named_and_nothing_is_published(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    caplog.set_level(logging.INFO, "fanwire.demo")
    async with _gateway(dev=False) as gateway:
        await asyncio.wait_for(publish_vitals(gateway), 1)
    assert "fanwire[demo]" in caplog.text
