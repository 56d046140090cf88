"""The built browser client in Chromium against a real gateway: cuts, a killed gateway, blocked WebSockets, tokens."""

import asyncio
import json
import signal
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cutting_proxy import CuttingProxy
from node_peers import BrowserPage

from server.auth import issue_token
from server.testing.server_process import ServerProcess, free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECRET = "0123456789abcdef0123456789ABCDEF"
TOPIC = "thread:1"
BUILT = ROOT / "server" / "static" / ".built"

# One tab: `log` has what the handlers were told, a number or a gap's reason; `until` waits for events, with a deadline.
_TAB = """(async (options) => {
  const { Client } = await import("/static/index.js");
  const log = [], states = [], reasons = [], watching = new Set();
  const tokens = options.tokens ?? null;
  const getToken = tokens && (async ({ reason }) => {
    reasons.push(reason);
    const token = tokens.shift();
    if (token === "") throw new Error("no token to be had");
    return token;
  });
  const client = new Client("/", getToken ? { getToken } : {});
  const sub = client.subscribe("thread:1", options.since === undefined ? {} : { since: options.since });
  const look = () => { for (const check of watching) check(); };
  sub.on("message", ({ data }) => { log.push(data.n); });
  sub.on("gap", ({ reason }) => { log.push(reason); });
  client.on("state", ({ state }) => { states.push(state); });
  client.packets.subscribe(() => queueMicrotask(look));
  const until = (test) => new Promise((resolve, reject) => {
    const told = () => `${test}: ${JSON.stringify({ log, states, reasons, status: client.status })}`;
    const timer = setTimeout(() => { watching.delete(check); reject(new Error(told())); }, 12000);
    const check = () => {
      if (!test(tab)) return;
      clearTimeout(timer);
      watching.delete(check);
      resolve(log);
    };
    watching.add(check);
    check();
  });
  const auths = () => client.packets.recent().filter(({ dir, type }) => dir === "out" && type === "auth").length;
  globalThis.tab = { client, sub, log, states, reasons, until, auths };
  await sub.ready();
  return client.status.transport;
})"""


@pytest.fixture(autouse=True)
def built_client() -> None:
    if not BUILT.exists():
        raise FileNotFoundError("server/static/ is missing. Run: make test (or node frontend/build.mjs)")


def _gateway(port: int | None = None, env: Mapping[str, str] | None = None) -> ServerProcess:
    argv = [sys.executable, "-m", "server.cli", "serve", "--dev", "--port", "{port}"]
    return ServerProcess(argv, port=port, env={"PYTHONPATH": str(ROOT), **(env or {})})


@asynccontextmanager
async def _tab(url: str, **options: object) -> AsyncIterator[BrowserPage]:
    """A page without any script but the client, subscribed."""
    async with BrowserPage(f"{url}/static/index.js") as page:
        page_transport = await page.evaluate(f"{_TAB}({json.dumps(options)})")
        assert page_transport in ("websocket", "sse")
        yield page


async def _publish(port: int, *numbers: int, token: str | None = None) -> None:
    batch = [{"topic": TOPIC, "type": "note", "data": {"n": number}} for number in numbers]
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/publish", json.dumps(batch).encode(), headers)

    def post() -> Any:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    answers = await asyncio.to_thread(post)
    assert all("seq" in answer for answer in answers), answers


async def _until(page: BrowserPage, condition: str) -> Any:
    return await page.evaluate(f"tab.until(({{ client, sub, log, states, reasons, auths }}) => {condition})")


@pytest.mark.gen_test(timeout=120)
async def test_two_tabs_whose_connections_are_cut_get_every_message_once_and_in_order() -> None:
    async with _gateway() as gateway, CuttingProxy(gateway.port) as proxy:
        url = proxy.url
        async with _tab(url) as first, _tab(url) as second:
            for cut in range(5):
                before = [await page.evaluate("tab.states.length") for page in (first, second)]
                await _publish(gateway.port, *range(20 * cut, 20 * cut + 10))
                proxy.cut()
                await _publish(gateway.port, *range(20 * cut + 10, 20 * cut + 20))
                for page, count in zip((first, second), before, strict=True):
                    await _until(page, f"states.slice({count}).includes('connected')")
            for page in (first, second):
                assert await _until(page, "log.at(-1) === 99") == list(range(100))


@pytest.mark.gen_test(timeout=120)
async def test_a_page_publishes_across_a_cut_and_its_message_comes_once() -> None:
    async with _gateway() as gateway, CuttingProxy(gateway.port) as proxy, _tab(proxy.url) as page:
        for number in range(10):
            note = json.dumps({"n": number})
            await page.evaluate(f"tab.published = tab.client.publish('thread:1', 'note', {note}); 0")
            proxy.cut()
            receipt = await page.evaluate("tab.published")
            assert (receipt["topic"], receipt["seq"] > receipt["prev"]) == (TOPIC, True)
        assert await _until(page, "log.at(-1) === 9") == list(range(10))


@pytest.mark.gen_test(timeout=120)
async def test_a_killed_gateway_is_found_again_and_what_it_forgot_is_told() -> None:
    port = free_port()
    async with _gateway(port) as first, _tab(f"http://127.0.0.1:{port}") as page:
        await _publish(port, 1, 2)
        await _until(page, "log.length === 2")
        first.send_signal(signal.SIGKILL)
        await _until(page, "client.status.state === 'waiting'")
        await page.evaluate("tab.published = tab.client.publish('thread:1', 'note', { n: 3 }); 0")
        async with _gateway(port):
            await _until(page, "log.includes(3)")
            assert (await page.evaluate("tab.published"))["duplicate"] is False
            await _publish(port, 4)
            # The memory bus has no history after a restart: the page is told, once, and goes on.
            assert await _until(page, "log.at(-1) === 4") == [1, 2, "history", 3, 4]


@pytest.mark.gen_test(timeout=120)
async def test_where_websockets_are_refused_a_stream_of_events_does_the_same() -> None:
    async with _gateway() as gateway, CuttingProxy(gateway.port, refuses_websockets=True) as proxy:
        await _publish(gateway.port, 0, 1)
        async with _tab(proxy.url, since="earliest") as page:
            assert await page.evaluate("tab.client.status.transport") == "sse"
            assert proxy.upgrades_refused == 2
            await _until(page, "log.length === 2")
            for cut in range(3):
                seen = await page.evaluate("tab.states.length")
                await _publish(gateway.port, 10 * cut + 2, 10 * cut + 3)
                proxy.cut()
                await _publish(gateway.port, 10 * cut + 4)
                await _until(page, f"states.slice({seen}).includes('connected') && log.at(-1) === {10 * cut + 4}")
            await page.evaluate("tab.client.publish('thread:1', 'note', { n: 77 })")
            await page.evaluate("tab.other = tab.client.subscribe('thread:2'); tab.other.ready()")
            await _publish(gateway.port, 99)
            expected = [0, 1, 2, 3, 4, 12, 13, 14, 22, 23, 24, 77, 99]
            assert await _until(page, "log.at(-1) === 99") == expected
            # Remembered for the session: the next page of this tab does not try WebSockets first.
            await page.reload()
            assert await page.evaluate(f"{_TAB}({{}})") == "sse"
            assert proxy.upgrades_refused == 2


def _token(ttl_s: float) -> str:
    return issue_token(SECRET.encode(), sub="ada", ttl_s=ttl_s, subscribe=["*"], publish=["*"])


@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize("refuses_websockets", [False, True], ids=["websocket", "sse"])
async def test_a_token_is_renewed_before_it_expires_and_replaced_when_that_failed(refuses_websockets: bool) -> None:
    env = {"FANWIRE_AUTH__MODE": "jwt", "FANWIRE_AUTH__SECRET": SECRET}
    async with _gateway(env=env) as gateway, CuttingProxy(gateway.port, refuses_websockets=refuses_websockets) as proxy:
        # WebSockets that are refused cost two tokens before the one that is used.
        tries = [_token(60.0)] * 2 if refuses_websockets else []
        # The second lives a little longer than the first; then none is to be had, until the gateway has closed.
        tokens = [*tries, _token(4.0), _token(8.0), "", "", "", _token(60.0)]
        async with _tab(proxy.url, tokens=tokens) as page:
            first_expires = time.time() + 4.0
            publisher = _token(60.0)
            await _until(page, "auths() === 1")
            connections = await page.evaluate("tab.states.filter((state) => state === 'connected').length")
            await _until(page, f"Date.now() / 1000 > {first_expires} || reasons.at(-1) === 'refused'")
            assert await page.evaluate("tab.states.filter((state) => state === 'connected').length") == connections == 1
            await _publish(gateway.port, 1, token=publisher)
            await _until(page, "log.includes(1)")
            await _until(page, "reasons.includes('refused') && client.status.state === 'connected'")
            await _publish(gateway.port, 2, token=publisher)
            assert await _until(page, "log.at(-1) === 2") == [1, 2]
