"""The demo page in Chromium, served by a real gateway: what is published is what is seen."""

import asyncio
import json
import re
import sys
import urllib.request
from pathlib import Path

import pytest
from node_peers import BrowserPage

from server.testing.child_process import ChildProcess
from server.testing.server_process import ServerProcess, free_port

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
        assert "%" in await page.text("#figures .figure", contains="CPU")
        assert "1" in await page.text("#figures .figure", contains="Connections")
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


@pytest.mark.gen_test(timeout=90)
async def test_two_tabs_talk() -> None:
    async with _gateway() as server, _page(server) as ada, _page(server) as bob:
        for page in (ada, bob):
            await page.text("#state", contains="connected")
        await _say(ada, "is anybody there?")
        assert await ada.text("#me") in await bob.text("#thread .said", contains="is anybody there?")
        await _say(bob, "I am")
        await ada.text("#thread .said", contains="I am")
        assert len(await ada.texts("#thread .said.mine")) == len(await bob.texts("#thread .said.mine")) == 1
        assert (ada.errors, bob.errors) == ((), ())


async def _say(page: BrowserPage, text: str) -> None:
    await page.fill("#message", text)
    await page.click("#say button")


# What was said between the cut and the return is replayed: the page's own books have neither a gap nor a duplicate.
_CUT_AND_PUBLISH = """(async () => {
  document.querySelector("#cut").click();
  const body = (n) => JSON.stringify({ topic: "thread:demo", type: "note", data: { n } });
  for (const n of [1, 2, 3]) await fetch("/api/publish", { method: "POST", body: body(n) });
})()"""


@pytest.mark.gen_test(timeout=90)
async def test_a_dropped_connection_resumes_and_the_page_proves_that_nothing_is_lost() -> None:
    async with _gateway() as server, _page(server) as page:
        await _publish(server, "hello", {"text": "before"})
        await page.text("#thread .event", contains="before")
        await page.evaluate(_CUT_AND_PUBLISH)
        assert "cut by this page" in await page.text("#journal li", contains="Closed 1006")
        assert "Nothing lost: 0 gaps, 0 duplicates" in await page.text("#journal li", contains="Resumed after")
        said = await page.texts("#thread .said .body")
        assert said == ["before", '{"n":1}', '{"n":2}', '{"n":3}']
        assert await page.texts("[data-figure=Gaps], [data-figure=Duplicates]") == ["0", "0"]
        assert page.errors == ()


@pytest.mark.gen_test(timeout=120)
async def test_a_slow_tab_meets_each_policy_and_the_page_says_what_it_did() -> None:
    async with _gateway() as server, _page(server) as page:
        await page.text("#state", contains="connected")
        await page.click("#slow")
        await page.text("#journal li", contains="has caught up", timeout_s=60)
        verdict = {
            policy: await page.text(f".lane[data-policy={policy}] .verdict")
            for policy in ("disconnect", "catch_up", "drop_oldest", "latest")
        }
        # The close frame may not fit into a socket that is full; the gateway's own count, below, is of what it meant.
        assert re.fullmatch(r"Closed (4509|1006).*came back.*nothing lost, all 500 in order\.", verdict["disconnect"])
        assert verdict["catch_up"] == "Stayed connected: nothing lost, all 500 in order."
        assert re.fullmatch(r"Lost \d+ old messages, each one announced in its place\.", verdict["drop_oldest"])
        assert re.fullmatch(r"Skipped \d+ stale values and has the newest\.", verdict["latest"])
        # The gateway's own word: all four had to act, and it was for slowness that it hung up.
        counters = json.loads(await asyncio.to_thread(_get, server, "/api/ops/snapshot"))["counters"]
        assert all(counters["ws_slow_episodes_total"][policy] > 0 for policy in verdict), counters
        assert counters["ws_disconnected_total"]["4509"] > 0, counters
        assert await page.texts("[data-figure=Gaps], [data-figure=Duplicates]") == ["0", "0"]
        assert page.errors == ()


def _get(server: ServerProcess, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as answer:
        body: bytes = answer.read()
        return body


@pytest.mark.gen_test(timeout=90)
async def test_an_expired_token_is_replaced_and_nothing_is_lost() -> None:
    async with _gateway(env=JWT) as server:
        printed = await server.wait_for_log("#token=")
        async with _page(server, printed[printed.index("#token=") :]) as page:
            await page.text("#state", contains="connected")
            await page.click("#expire")
            await page.text("#journal li", contains="a token that lives for 4.0 s")
            await page.text("#journal li", contains="Closed 4401", timeout_s=20)
            await page.text("#state", contains="connected")
            await _say(page, "still here")
            await page.text("#thread .said.mine", contains="still here")
            resumed = [line for line in await page.texts("#journal li") if "Resumed after" in line]
            assert len(resumed) == 2 and all("Nothing lost" in line for line in resumed)


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_wrong(scheme: str) -> None:
    async with _gateway() as server, _page(server) as page:
        await page.prefer(scheme)
        await _publish(server, "run_started", {"agent": "storyteller"})
        await _publish(server, "hello", {"text": "hi"})
        await page.text("#thread .event", contains="hi")
        await page.click("#cut")
        await page.text("#journal li", contains="Resumed")
        assert await page.axe_violations("html") == []
        assert page.errors == ()


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
        await page.text("#figures .figure", contains="CPU")
        await _publish(server, "hello", {"text": "w" * 400})
        await page.text("#thread .event", contains="www")
        assert await page.evaluate("document.documentElement.scrollWidth <= 360")
