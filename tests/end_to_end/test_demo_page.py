"""The demo page in Chromium, served by a real gateway: what is published is what is seen."""

import asyncio
import json
import sys
import urllib.request
from pathlib import Path

import pytest
from node_peers import BrowserPage
from processes import ChildProcess, ServerProcess, free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ENV = {"PYTHONPATH": str(ROOT)}
JWT = {"FANWIRE_AUTH__MODE": "jwt", "FANWIRE_AUTH__SECRET": "0123456789abcdef0123456789ABCDEF"}


def _gateway(port: int | None = None, env: dict[str, str] | None = None) -> ServerProcess:
    argv = [sys.executable, "-m", "server.cli", "serve", "--dev", "--port", "{port}"]
    return ServerProcess(argv, port=port, env={**ENV, **(env or {})})


def _page(server: ServerProcess, fragment: str = "") -> BrowserPage:
    return BrowserPage(f"http://127.0.0.1:{server.port}/{fragment}")


async def _publish(server: ServerProcess, kind: str, data: object) -> str:
    message = {"topic": "thread:demo", "type": kind, "data": data}
    url = f"http://127.0.0.1:{server.port}/api/publish"

    def post() -> bytes:
        with urllib.request.urlopen(url, json.dumps(message).encode(), timeout=10) as answer:
            body: bytes = answer.read()
            return body

    return str(json.loads(await asyncio.to_thread(post))["id"])


@pytest.mark.gen_test(timeout=90)
async def test_vital_signs_and_a_published_message_are_seen() -> None:
    async with _gateway() as server, _page(server) as page:
        await page.text("#state", contains="connected")
        assert "%" in await page.text("#vitals .figure", contains="CPU")
        assert "1" in await page.text("#vitals .figure", contains="Connections")
        trace_id = await _publish(server, "hello", {"text": "hi there"})
        assert "hello" in await page.text("#thread .event", contains="hi there")
        assert await page.text("#last-trace", contains=trace_id) == trace_id
        assert f"curl -X POST http://127.0.0.1:{server.port}/api/publish" in await page.text("#command")
        assert page.errors == ()


@pytest.mark.gen_test(timeout=90)
async def test_an_agents_run_streams_in_and_a_late_page_sees_it_whole() -> None:
    agent = [sys.executable, str(ROOT / "examples" / "agent_run.py"), "--rate", "200"]
    story = (ROOT / "examples" / "story.txt").read_text()
    async with _gateway() as server, _page(server) as page:
        await page.text("#state", contains="connected")
        async with ChildProcess([*agent, "--url", f"http://127.0.0.1:{server.port}"]) as run:
            await page.text("#thread .words.streaming")
            assert await run.wait(timeout_s=30) == 0, run.log
        await page.text("#thread .event", contains="run_finished")
        assert await page.evaluate("document.querySelector('#thread .words').textContent") == story
        await page.reload()
        await page.text("#thread .event", contains="run_finished")
        assert await page.evaluate("document.querySelector('#thread .words').textContent") == story
        assert page.errors == ()


@pytest.mark.gen_test(timeout=90)
async def test_what_a_publisher_writes_is_text_and_never_markup() -> None:
    markup = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"
    async with _gateway() as server, _page(server) as page:
        for kind, data in [
            ("hello", {"text": markup}),
            ("stream_chunk", {"message_id": "__proto__", "text": markup}),
            ("run_started", {"agent": markup}),
            ("list", [markup, None]),
            ("stream_chunk", None),
        ]:
            await _publish(server, kind, data)
        await _publish(server, "last", {"text": "the end"})
        await page.text("#thread .event", contains="the end")
        assert await page.evaluate("document.querySelectorAll('#thread img, #thread b').length") == 0
        assert await page.evaluate("document.title") == "Fanwire: live"
        assert page.errors == ()


@pytest.mark.gen_test(timeout=90)
async def test_the_page_comes_back_after_a_restart_and_goes_on() -> None:
    port = free_port()
    async with _gateway(port) as first:
        page = _page(first)
        await page.__aenter__()
        await _publish(first, "hello", {"text": "before"})
        await page.text("#thread .event", contains="before")
    try:
        await page.text("#state", contains="back in")
        async with _gateway(port) as second:
            # The memory bus has forgotten what was: the page says so, and goes on.
            await page.text("#thread .event.gap", timeout_s=30)
            await page.text("#state", contains="connected")
            await _publish(second, "hello", {"text": "after"})
            await page.text("#thread .event", contains="after")
            assert len(await page.texts("#thread .event.said")) == 2
    finally:
        await page.__aexit__(None, None, None)


# Joins a quiet topic, loses its connection, and publishes before it can be back.
_AWAY = """(async () => {
  const { connect } = await import("/demo/connection.js");
  const got = [];
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`seen only: ${JSON.stringify(got)}`)), 8000);
    const session = connect({
      url: `${location.origin.replace("http", "ws")}/api/ws`,
      token: null,
      topics: { "quiet:1": null },
      onGap: (gap) => reject(new Error(JSON.stringify(gap))),
      onMessage: ({ type }) => { got.push(type); if (type === "second") resolve(); },
      onState: async ({ state }) => {
        if (state !== "connected" || session.away) return;
        session.away = true;
        session.socket.close(3000);
        for (const type of ["first", "second"])
          await fetch("/api/publish", { method: "POST", body: JSON.stringify({ topic: "quiet:1", type }) });
      },
    });
  });
  return got;
})()"""


@pytest.mark.gen_test(timeout=90)
async def test_a_quiet_topic_is_resumed_from_where_it_was_joined() -> None:
    async with _gateway() as server, _page(server) as page:
        await page.text("#state", contains="connected")
        assert await page.evaluate(_AWAY) == ["first", "second"]


@pytest.mark.gen_test(timeout=90)
async def test_the_token_of_the_fragment_opens_the_door_and_without_it_the_page_says_why_not() -> None:
    async with _gateway(env=JWT) as server:
        printed = await server.wait_for_log("#token=")
        fragment = printed[printed.index("#token=") :]
        async with _page(server, fragment) as page:
            await page.text("#state", contains="connected")
            assert "Authorization: Bearer" in await page.text("#command")
        async with _page(server) as page:
            assert "4401" in await page.text("#state", contains="closed")


@pytest.mark.gen_test(timeout=90)
async def test_the_page_fits_a_telephone() -> None:
    async with _gateway() as server, _page(server) as page:
        await page.resize(360, 740)
        await page.text("#vitals .figure", contains="CPU")
        await _publish(server, "hello", {"text": "w" * 400})
        await page.text("#thread .event", contains="www")
        assert await page.evaluate("document.documentElement.scrollWidth <= 360")
