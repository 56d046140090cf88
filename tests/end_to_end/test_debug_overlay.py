"""The debug overlay of the built client in Chromium, on real traffic, under the strictest policy that there is here."""

import asyncio
import json
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cutting_proxy import CuttingProxy
from node_peers import BrowserPage

from server.testing.server_process import ServerProcess

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "server" / "static" / ".built"
SHORTCUT = "Control+Shift+D"
HOST = "[data-fanwire=debug-overlay]"

# A tab that has seen nothing yet: violations of the policy are counted from the first line on.
_TAB = """(async (topic) => {
  const violations = [];
  addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
    violations.push(`${violatedDirective} ${blockedURI} ${sample}`));
  const button = document.createElement("button");
  button.id = "of-the-page";
  document.body.append(button);
  button.focus();
  const { Client } = await import("/static/index.js");
  const client = new Client("/");
  const sub = client.subscribe(topic);
  const overlay = () => document.querySelector("[data-fanwire]")?.shadowRoot;
  const until = (test) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${test}: ${overlay()?.textContent}`)), 12000);
    const look = () => {
      const result = test();
      if (!result) return requestAnimationFrame(look);
      clearTimeout(timer);
      resolve(result);
    };
    look();
  });
  const rows = () => [...(overlay()?.querySelectorAll("tbody tr") ?? [])];
  const cells = () => rows().map((row) => [...row.cells].map((cell) => cell.textContent));
  globalThis.tab = { client, sub, violations, overlay, until, cells };
  await sub.ready();
  client.enableDebugOverlay();
})"""


@pytest.fixture(autouse=True)
def built_client() -> None:
    if not BUILT.exists():
        raise FileNotFoundError("server/static/ is missing. Run: make test (or node frontend/build.mjs)")


def _gateway(env: Mapping[str, str] | None = None) -> ServerProcess:
    argv = [sys.executable, "-m", "server.cli", "serve", "--dev", "--port", "{port}"]
    return ServerProcess(argv, env={"PYTHONPATH": str(ROOT), **(env or {})})


@asynccontextmanager
async def _tab(url: str, topic: str = "thread:1") -> AsyncIterator[BrowserPage]:
    """A page whose policy is that of the gateway's own; whatever the test does, it is not violated."""
    async with BrowserPage(f"{url}/static/index.js") as page:
        await page.evaluate(f"{_TAB}({json.dumps(topic)})")
        yield page
        assert await page.evaluate("tab.violations") == []
        assert not [error for error in page.errors if error.kind == "exception"], page.errors


async def _publish(port: int, messages: Sequence[Mapping[str, Any]]) -> list[int]:
    """The positions that the messages got."""

    def post() -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/publish", json.dumps(messages).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    return [int(answer["seq"]) for answer in await asyncio.to_thread(post)]


def _notes(count: int, **data: object) -> list[dict[str, Any]]:
    return [{"topic": "thread:1", "type": "note", "data": {"n": n, **data}} for n in range(count)]


async def _until(page: BrowserPage, condition: str) -> Any:
    return await page.evaluate(f"tab.until(() => {condition})")


async def _seqs(page: BrowserPage, count: int) -> list[int]:
    """The column of positions, once it has ``count`` rows that have one."""
    await _until(page, f"tab.cells().filter((row) => row[4]).length === {count}")
    return [int(row[4]) for row in await page.evaluate("tab.cells()") if len(row) > 4 and row[4]]


async def _focused(page: BrowserPage) -> str:
    """The focused element's class, or what it says, inside the overlay; its id where it is the page's own."""
    script = "((of) => of?.className || of?.ariaLabel || of?.textContent)(tab.overlay()?.activeElement)"
    return str(await page.evaluate(f"{script} ?? document.activeElement.id"))


async def _tab_to(page: BrowserPage, wanted: str, keys: str = "Tab") -> None:
    """By the Tab key alone, from where the focus is."""
    seen = [await _focused(page)]
    while not seen[-1].startswith(wanted):
        assert len(seen) < 15, f"{wanted} is not among {seen}"
        await page.press(keys)
        seen.append(await _focused(page))


@pytest.mark.gen_test(timeout=60)
async def test_the_shortcut_shows_the_last_200_of_250_packets_and_hides_them_again() -> None:
    async with _gateway() as gateway, _tab(f"http://127.0.0.1:{gateway.port}") as page:
        seqs = await _publish(gateway.port, _notes(250))
        await page.evaluate(f"tab.until(() => tab.sub.position === {seqs[-1]})")
        loaded = "performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/overlay.js'))"
        assert await page.evaluate(loaded) is False
        await page.press(SHORTCUT)
        assert await _seqs(page, 200) == seqs[50:]
        assert await page.evaluate(loaded) is True
        more = await _publish(gateway.port, _notes(3))
        await _until(page, f"tab.cells().at(-1)[4] === '{more[-1]}'")
        assert await _seqs(page, 200) == [*seqs[53:], *more]
        await page.press(SHORTCUT)
        await _until(page, "!tab.overlay()")
        await page.press(SHORTCUT)
        await _until(page, "tab.overlay()")


# Holds the page's one thread, as a debugger or a long task does, until the gateway has the message that ends it.
_STAND_STILL = """(() => {
  for (const end = Date.now() + 12000; Date.now() < end; ) {
    const request = new XMLHttpRequest();
    request.open("GET", "/api/ws/replay?topic=marker:1&after=earliest", false);
    request.send();
    if (JSON.parse(request.responseText).messages?.length > 0) return true;
  }
  return false;
})()"""


@pytest.mark.gen_test(timeout=90)
async def test_a_tab_that_could_not_keep_up_sees_a_gap_row_where_messages_are_missing() -> None:
    env = {"TOPICS__LOSSY__OVERFLOW": "drop_oldest", "MAILBOX__MESSAGES": "5", "MAILBOX__WRITE_STALL_S": "60"}
    fanwire = {f"FANWIRE_{name}": value for name, value in env.items()}
    async with _gateway(fanwire) as gateway, _tab(f"http://127.0.0.1:{gateway.port}", "lossy:1") as page:
        await page.press(SHORTCUT)
        await _until(page, "tab.overlay()")
        standing = asyncio.ensure_future(page.evaluate(_STAND_STILL))
        # More than the buffers of two kernels and a browser hold.
        batch = [{"topic": "lossy:1", "type": "sample", "data": "x" * 15_000}] * 4
        seqs = [seq for _ in range(150) for seq in await _publish(gateway.port, batch)]
        await _publish(gateway.port, [{"topic": "marker:1", "type": "go"}])
        assert await standing is True
        await page.evaluate(f"tab.until(() => tab.sub.position === {seqs[-1]})")
        await page.text(".gap", contains="recovered no")
        gaps = await page.evaluate(
            "tab.client.packets.recent().filter(({ event }) => event === 'gap').map(({ detail }) => JSON.parse(detail))"
        )
        cells = await page.evaluate("tab.cells()")
        rows = [(index, row[1]) for index, row in enumerate(cells) if row[1].startswith("missed")]
        assert len(rows) == len(gaps) >= 1
        for gap, (at, text) in zip(gaps, rows, strict=True):
            assert gap["dropped"] == seqs.index(gap["to"]) - seqs.index(gap["from"]) - 1 > 0
            missed = f"missed {gap['from']}..{gap['to']} in lossy:1"
            assert text == f"{missed}, overflow, {gap['dropped']} dropped, recovered no"
            assert cells[at + 1][4] == str(gap["to"])
            # The oldest of the 200 packets may be the gap itself.
            assert at == 0 or cells[at - 1][4] == str(gap["from"])


@pytest.mark.gen_test(timeout=60)
async def test_a_cut_is_a_divider_with_its_code_and_the_mailbox_is_what_the_gateway_says() -> None:
    env = {"FANWIRE_HEARTBEAT__INTERVAL_S": "1"}
    async with _gateway(env) as gateway, CuttingProxy(gateway.port) as proxy, _tab(proxy.url) as page:
        await page.press(SHORTCUT)
        await page.text(".state", contains="connected, websocket")
        await page.text(".mailbox", contains="mailbox 0 · at most")
        proxy.cut()
        await page.text(".divider", contains="disconnected: 1006 · broke off without a close frame")
        await _until(page, "tab.cells().at(-1)[1] === 'connected'")
        await _publish(gateway.port, _notes(1))
        await page.text(".latency", contains="median")
        points = await page.evaluate("tab.overlay().querySelector('polyline').points.length")
        assert points > 1


@pytest.mark.gen_test(timeout=60)
async def test_filter_control_frames_pause_and_clear() -> None:
    async with _gateway() as gateway, _tab(f"http://127.0.0.1:{gateway.port}") as page:
        seqs = await _publish(gateway.port, [*_notes(3), {"topic": "thread:1", "type": "run_finished"}])
        await page.press(SHORTCUT)
        assert await _seqs(page, 4) == seqs
        await page.fill("input", "run_fin")
        assert await _seqs(page, 1) == seqs[3:]
        await page.fill("input", '/"n":[02]/')
        assert await _seqs(page, 2) == [seqs[0], seqs[2]]
        await page.fill("input", '/"n":[02/')
        assert "nterminated" in await page.text(".flaw")
        assert await _seqs(page, 2) == [seqs[0], seqs[2]]
        await page.fill("input", "")
        assert await _seqs(page, 4) == seqs
        assert "hidden" in await page.text(".control")
        await page.click(".control")
        await page.text(".frame", contains="subscribed")
        await page.click(".control")
        await page.click(".pause")
        more = await _publish(gateway.port, _notes(2))
        await page.text(".pause", contains="Paused (2 new)")
        assert await _seqs(page, 4) == seqs
        await page.click(".pause")
        assert await _seqs(page, 6) == [*seqs, *more]
        await page.click("button:text-is('Clear')")
        await _until(page, "tab.cells().length === 0")


@pytest.mark.gen_test(timeout=60)
async def test_the_export_has_every_packet_as_it_was_recorded_and_no_secret() -> None:
    async with _gateway() as gateway, _tab(f"http://127.0.0.1:{gateway.port}") as page:
        seqs = await _publish(gateway.port, _notes(5, token="s3cr3t"))
        await page.press(SHORTCUT)
        assert await _seqs(page, 5) == seqs
        await page.fill("input", "nothing has this in it")
        await _seqs(page, 0)
        name, text = await page.download("button:text-is('Export JSONL')")
        assert name.startswith("fanwire-") and name.endswith("Z.jsonl")
        packets = [json.loads(line) for line in text.splitlines()]
        assert packets == [{"v": 1, **packet} for packet in await page.evaluate("tab.client.packets.recent()")]
        assert [packet["seq"] for packet in packets if packet.get("topic") == "thread:1"] == seqs
        assert [packet["event"] for packet in packets if packet["dir"] == "event"] == ["connecting", "connected"]
        assert "[redacted]" in text and "s3cr3t" not in text


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("has_clipboard", [True, False], ids=["clipboard", "plain_http"])
async def test_what_the_filter_shows_is_copied_also_where_pages_have_no_clipboard(has_clipboard: bool) -> None:
    async with _gateway() as gateway, _tab(f"http://127.0.0.1:{gateway.port}") as page:
        if not has_clipboard:
            await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined }); 0")
        seqs = await _publish(gateway.port, _notes(4))
        await page.press(SHORTCUT)
        await page.fill("input", '/"n":[12]/')
        # A reconnect would be shown as well, whatever the filter: here that is the connection.
        assert await _seqs(page, 2) == seqs[1:3]
        await page.click("button:text-is('Copy shown')")
        await page.text(".said", contains="Copied: packets shown")
        await page.press("Escape")
        await page.evaluate("document.body.append(document.createElement('textarea'))")
        await page.click("textarea")
        await page.press("Control+V")
        pasted = await page.evaluate("document.querySelector('textarea').value")
        lines = [json.loads(line) for line in pasted.splitlines()]
        assert [line.get("seq") for line in lines] == [None, *seqs[1:3]]
        assert (lines[0]["event"], {line["v"] for line in lines}) == ("connected", {1})


@pytest.mark.gen_test(timeout=60)
async def test_everything_can_be_done_by_keyboard_and_the_focus_comes_back() -> None:
    async with _gateway() as gateway, _tab(f"http://127.0.0.1:{gateway.port}") as page:
        seqs = await _publish(gateway.port, _notes(4))
        assert await _focused(page) == "of-the-page"
        await page.press(SHORTCUT)
        assert await _seqs(page, 4) == seqs
        assert "Filter" in await _focused(page)
        await _tab_to(page, "frame")
        for keys, at in [("ArrowUp", 2), ("Home", None), ("End", 3), ("ArrowUp", 2)]:
            await page.press(keys)
            wanted = "event" if at is None else str(seqs[at])
            chosen = await page.evaluate("tab.overlay().querySelector('[aria-selected=true]').textContent")
            assert "connected" in chosen if wanted == "event" else wanted in chosen
        # By its position: the gateway's first ping comes at a random moment.
        trace_id = await page.evaluate(f"tab.client.packets.recent().find((one) => one.seq === {seqs[2]}).id")
        assert trace_id in await page.text(".details dl")
        assert '"n": 2' in await page.text(".details pre")
        await _tab_to(page, "Copy trace id")
        await page.press("Enter")
        await page.text(".said", contains="Copied: trace id")
        await _tab_to(page, "Filter", "Shift+Tab")
        await page.press("Control+V")
        assert await page.evaluate("tab.overlay().querySelector('input').value") == trace_id
        assert await _seqs(page, 1) == [seqs[2]]
        await _tab_to(page, "edge", "Shift+Tab")
        height = "Number(tab.overlay().querySelector('.edge').ariaValueNow)"
        before = await page.evaluate(height)
        await page.press("ArrowUp")
        assert await page.evaluate(height) == before + 32
        assert await page.evaluate("tab.overlay().querySelector('.panel').offsetHeight") == before + 32
        await page.press("Escape")
        await _until(page, "!tab.overlay()")
        assert await _focused(page) == "of-the-page"


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_axe_finds_nothing_wrong(color_scheme: str) -> None:
    async with _gateway() as gateway, CuttingProxy(gateway.port) as proxy, _tab(proxy.url) as page:
        await page.prefer(color_scheme)
        proxy.cut()
        await page.evaluate("tab.until(() => tab.client.status.state === 'connected' && tab.sub.ready())")
        gap = '{"topic":"thread:1","from":41,"to":57,"dropped":15,"reason":"overflow"}'
        await page.evaluate(f"tab.client.packets.event('gap', {gap!r})")
        await page.evaluate("tab.client.packets.event('error', 'forbidden: no'); 0")
        await page.evaluate("tab.client.publish('thread:1', 'note', { n: 1 })")
        await page.evaluate("tab.client.debug.open()")
        await page.text(".error", contains="forbidden")
        await page.click(".control")
        await page.text(".divider", contains="1006")
        await page.fill("input", "/(/")
        await page.text(".flaw")
        assert await page.axe_violations(HOST) == []
        # What axe lets pass, and a screen reader does not: a row of a grid whose cells are none.
        roles = "[...new Set([...tab.overlay().querySelectorAll('[role=grid] td')].map(({ role }) => role))]"
        assert await page.evaluate(roles) == ["gridcell"]
        await page.click(".gap")
        assert await page.axe_violations(HOST) == []
        await page.click(".frame >> nth=-1")
        assert await page.axe_violations(HOST) == []


@pytest.mark.gen_test(timeout=60)
async def test_the_script_tags_file_finds_the_overlay_beside_itself() -> None:
    async with _gateway() as gateway, _tab(f"http://127.0.0.1:{gateway.port}") as page:
        await page.evaluate("""new Promise((resolve, reject) => {
          const script = document.createElement("script");
          const trusted = trustedTypes.createPolicy("test", { createScriptURL: (url) => url });
          script.src = trusted.createScriptURL("/static/fanwire.iife.js");
          script.onload = () => resolve(0);
          script.onerror = reject;
          document.head.append(script);
        })""")
        # The page's own address says nothing of where the script is.
        await page.evaluate("history.replaceState(null, '', '/somewhere/else?fanwire_debug')")
        await page.evaluate("globalThis.other = new fanwire.Client('/'); other.enableDebugOverlay()")
        await page.text(".state", contains="connected")
