"""A real EventSource in Chromium: it comes back by itself, with its cursor, and what it missed is there or said."""

import asyncio
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from gateways import RunningGateway, running_gateway
from node_peers import BrowserPage

from actors.protocol.codes import CloseCode
from server.testing.server_process import ServerProcess, free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# Keeps every envelope, and counts how often the stream was opened.
LISTEN = """(() => {
  window.seen = []; window.opened = 0; window.last = []; window.errors = 0;
  const path = %s;
  window.source = new EventSource(path);
  source.onopen = () => opened++;
  source.onerror = () => errors++;
  source.onmessage = (event) => seen.push(JSON.parse(event.data));
  source.addEventListener("closed", (event) => last.push(JSON.parse(event.data)));
})()"""
# Resolves with everything once an envelope satisfies the condition; what never comes ends with what came instead.
UNTIL = """(async () => {
  const deadline = performance.now() + 25000;
  while (!seen.some((frame) => %s)) {
    if (performance.now() > deadline)
      throw new Error(`seen ${seen.length}, opened ${opened}, state ${source.readyState}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { seen, opened, last };
})()"""


async def listen(page: BrowserPage, *topics: str) -> None:
    path = "/api/events?" + "&".join(f"topic={topic}" for topic in topics)
    await page.evaluate(LISTEN % json.dumps(path))
    await until(page, "frame.type === 'subscribed'")


async def until(page: BrowserPage, condition: str) -> Any:
    return await page._do("evaluate", 30.0, script=UNTIL % condition)


def page_of(port: int) -> BrowserPage:
    """Any page of the gateway's own origin."""
    return BrowserPage(f"http://127.0.0.1:{port}/healthz")


async def cut_and_wait(running: RunningGateway, page: BrowserPage, opened: int) -> None:
    """Cut every connection off while messages are published, and go on until the browser is back."""
    for connection in list(running.gateway._connections):
        connection.cut_off()
    async with asyncio.timeout(30):
        while await page.evaluate("opened") <= opened:
            await running.gateway.publish("t:a", "x", {})
            await running.gateway.publish("t:b", "x", {})


@pytest.mark.gen_test(timeout=120)
async def test_a_browser_whose_connection_is_cut_comes_back_and_misses_nothing() -> None:
    async with (
        running_gateway({"history.messages": 100_000, "history.ttl_s": 600}) as running,
        page_of(running.port) as page,
    ):
        await listen(page, "t:a", "t:b")
        for opened in (1, 2, 3):
            await cut_and_wait(running, page, opened)
        last = {topic: (await running.gateway.publish(topic, "x", {})).seq for topic in ("t:b", "t:a")}
        await until(page, f"frame.seq === {last['t:b']}")
        result = await until(page, f"frame.seq === {last['t:a']}")
        assert result["opened"] == 4
        for topic in ("t:a", "t:b"):
            chain = [(frame["prev"], frame["seq"]) for frame in result["seen"] if frame["topic"] == topic]
            assert [prev for prev, _ in chain] == [0, *(seq for _, seq in chain[:-1])]
            assert chain[-1][1] == last[topic]
            assert [frame for frame in result["seen"] if frame["type"] == "gap"] == []
        resumed = [frame["data"]["topics"]["t:a"] for frame in result["seen"] if frame["type"] == "subscribed"][1:]
        assert all(answer["recovered"] for answer in resumed)
        assert any(answer["replayed"] for answer in resumed)


def gateway_at(port: int) -> ServerProcess:
    argv = [sys.executable, "-m", "server.cli", "serve", "--dev", "--port", "{port}"]
    return ServerProcess(argv, port=port, env={"PYTHONPATH": str(ROOT)})


async def publish_to(port: int, topic: str) -> int:
    body = json.dumps({"topic": topic, "type": "x"}).encode()

    def post() -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/publish", body, timeout=10) as answer:
            return int(json.loads(answer.read())["seq"])

    return await asyncio.to_thread(post)


@pytest.mark.gen_test(timeout=120)
async def test_after_a_restart_that_forgot_everything_the_browser_is_told_so_and_goes_on() -> None:
    port = free_port()
    async with gateway_at(port):
        page = page_of(port)
        await page.__aenter__()
        await listen(page, "t:a")
        before = await publish_to(port, "t:a")
        await until(page, f"frame.seq === {before}")
    try:
        async with gateway_at(port):
            result = await until(page, "frame.type === 'gap'")
            after = await publish_to(port, "t:a")
            result = await until(page, f"frame.seq === {after}")
            assert [closed["code"] for closed in result["last"]] == [1012]
            answers = [frame["data"]["topics"]["t:a"] for frame in result["seen"] if frame["type"] == "subscribed"]
            assert [answer["recovered"] for answer in answers] == [True, False]
            [gap] = [frame["data"] for frame in result["seen"] if frame["type"] == "gap"]
            assert (gap["topic"], gap["from"], gap["to"], gap["reason"]) == ("t:a", before, 0, "history")
            assert [frame["seq"] for frame in result["seen"] if frame["topic"] == "t:a"] == [before, after]
    finally:
        await page.__aexit__(None, None, None)


@pytest.mark.gen_test(timeout=120)
async def test_a_browser_that_was_told_to_stay_away_ends() -> None:
    async with running_gateway() as running, page_of(running.port) as page:
        await listen(page, "t:a")
        (client,) = running.gateway.clients
        client.hang_up(CloseCode.PROTOCOL_VIOLATION, "stay away")
        ended = """(async () => {
          const deadline = performance.now() + 20000;
          while (source.readyState !== 2 && performance.now() < deadline)
            await new Promise((resolve) => setTimeout(resolve, 20));
          return { state: source.readyState, opened, last };
        })()"""
        result = await page._do("evaluate", 30.0, script=ended)
        assert result == {"state": 2, "opened": 1, "last": [{"code": 4400, "reason": "stay away"}]}
