"""The ops page in Chromium, of a real gateway to which things happen: what the snapshot says is what is seen."""

import asyncio
import json
import re
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from faults import FaultyGateway
from gateways import LONG_S, WITH_TOKENS, token_for
from node_peers import BrowserPage
from wire import TEXT, RawClient

pytestmark = pytest.mark.slow

ADMIN = token_for("root", admin=True, ttl_s=LONG_S, publish=["*"])
PAYLOAD = "x" * 8_000
WINDOW_BYTES = 4096
SLOW: dict[str, object] = {
    "mailbox.messages": 20,
    "mailbox.write_stall_s": 600,
    "topics.prices.overflow": "drop_oldest",
}


@asynccontextmanager
async def _ops(gateway: FaultyGateway, fragment: str = "") -> AsyncIterator[BrowserPage]:
    async with gateway, BrowserPage(f"http://127.0.0.1:{gateway.port}/ops{fragment}") as page:
        yield page


async def _publish(gateway: FaultyGateway, *messages: object) -> Any:
    url = f"http://127.0.0.1:{gateway.port}/api/publish"

    def post() -> Any:
        with urllib.request.urlopen(url, json.dumps(messages).encode(), timeout=10) as answer:
            return json.loads(answer.read())

    return await asyncio.to_thread(post)


@pytest.mark.gen_test(timeout=90)
async def test_a_restarted_actor_and_its_odd_events_are_seen() -> None:
    async with _ops(gateway := FaultyGateway()) as page:
        await page.text("#state", contains="live")
        assert await page.text("#odd-empty") == "Nothing odd happened."
        (placed,) = await _publish(gateway, {"topic": "orders:7", "type": "x", "data": {"fault": "topic ValueError"}})
        assert "restarted once" in await page.text("#tree li[data-kind=topic]", contains="orders:7")
        assert "1 failure, 1 restart" in await page.text("#tree li[data-kind=supervisor]", contains="orders:7")
        failure = await page.text("#odd li[data-level=error]", contains="an actor failed: ValueError")
        assert "orders:7" in failure and placed["id"] in failure
        assert page.errors == ()


@pytest.mark.gen_test(timeout=90)
async def test_a_slow_client_is_seen_with_its_policy_and_how_full_its_mailbox_is() -> None:
    async with _ops(gateway := FaultyGateway(SLOW)) as page:
        assert "Nobody is slow" in await page.text("#slow .empty")
        reader = await RawClient.upgraded(gateway.port, receive_buffer=WINDOW_BYTES)
        subscribe = {"topics": ["prices:eur"]}
        request = {"v": 1, "id": "0b6f7c1e-0000-4000-8000-000000000001", "topic": "system", "type": "subscribe"}
        await reader.send(TEXT, json.dumps(request | {"data": subscribe}).encode())
        await page.text("#tree li[data-kind=topic]", contains="prices:eur")
        for _ in range(30):
            await _publish(gateway, *[{"topic": "prices:eur", "type": "tick", "data": PAYLOAD}] * 7)
        row = await page.text("#slow tbody tr", contains="20 / 20")
        assert "anonymous" in row and "drop_oldest" in row and "prices:eur 20" in row
        assert int(re.split(r"\s+", row.strip())[-2]) > 0, row
        assert await page.evaluate("document.querySelector('#slow .depth').classList.contains('full')")
        reader.close()
        assert page.errors == ()


@pytest.mark.gen_test(timeout=90)
async def test_rates_topics_histogram_and_configuration_are_seen() -> None:
    async with (
        _ops(gateway := FaultyGateway({"topics.thread.overflow": "catch_up"})) as page,
        await gateway.tab() as tab,
    ):
        await tab.subscribe("thread:1")
        assert await page.text("#health dd.good") == "ready"
        await _publish(gateway, *[{"topic": "thread:1", "type": "note"}] * 50)
        assert "catch_up" in await page.text("#by-messages tbody tr", contains="thread:1")
        assert "(50 seen)" in await page.text("#to-socket-figures", contains="(50 seen)")
        assert await page.evaluate("document.querySelector('#chart canvas').width > 200")
        # Counted over a few seconds: fifty messages are some a second, and not none.
        assert float(await page.text("#health div:nth-child(3) dd", contains=".")) > 0
        await page.click("summary")
        setting = await page.text("#settings tr", contains="topics.thread.overflow")
        assert "catch_up" in setting and "environment FANWIRE_TOPICS__THREAD__OVERFLOW" in setting
        assert page.errors == ()


@pytest.mark.gen_test(timeout=90)
async def test_the_form_publishes_and_shows_the_answer() -> None:
    async with _ops(gateway := FaultyGateway()) as page, await gateway.tab() as tab:
        await tab.subscribe("thread:demo")
        await page.fill("#publish-data", '{"text": "from the form"}')
        await page.click("#publish button")
        assert (await tab.frame_of_type("hello"))["data"] == {"text": "from the form"}
        assert '"seq":' in await page.text("#publish-answer", contains="200")
        await page.fill("#publish-data", "{not json")
        await page.click("#publish button")
        await page.text("#publish-answer", contains="data is not JSON")
        assert page.errors == ()


@pytest.mark.gen_test(timeout=90)
async def test_a_paused_page_asks_for_nothing_until_it_is_resumed() -> None:
    asked = "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/snapshot')).length"
    async with _ops(FaultyGateway()) as page:
        await page.text("#state", contains="live")
        await page.click("#pause")
        await page.text("#state", contains="paused")
        before = await page.evaluate(asked)
        # Longer than the page's own pace: what is waited for is that nothing happens.
        await page.evaluate("new Promise((resolve) => setTimeout(resolve, 2500))")
        assert await page.evaluate(asked) == before
        await page.click("#pause")
        await page.text("#state", contains="live")
        assert await page.evaluate(asked) > before


@pytest.mark.gen_test(timeout=90)
async def test_without_an_admins_token_the_page_asks_for_one_and_then_opens() -> None:
    async with _ops(FaultyGateway(WITH_TOKENS)) as page:
        await page.text("#denied", contains="token")
        assert "not admitted" in await page.text("#state")
        assert await page.evaluate("document.querySelector('#content').hidden")
        assert any("401" in error.text for error in page.errors)
        await page.fill("#token", token_for("reader", ttl_s=LONG_S))
        await page.click("#admission button")
        await page.text("#why", contains="admin")
        await page.fill("#token", ADMIN)
        await page.click("#admission button")
        await page.text("#state", contains="live")
        assert "********" in await page.evaluate("document.querySelector('#settings').textContent")


@pytest.mark.gen_test(timeout=90)
async def test_the_token_of_the_fragment_opens_the_page_and_leaves_the_address_bar() -> None:
    async with _ops(FaultyGateway(WITH_TOKENS), f"#token={ADMIN}") as page:
        await page.text("#state", contains="live")
        assert "token" not in await page.evaluate("location.href")
        await page.click("#publish button")
        await page.text("#publish-answer", contains="200")
        assert page.errors == ()


@pytest.mark.gen_test(timeout=90)
async def test_rows_stay_the_same_elements_from_one_second_to_the_next() -> None:
    mark = "document.querySelectorAll('#tree li, tbody tr').forEach((row) => { row.dataset.mine = ''; }); 0"
    kept = "[...document.querySelectorAll('#tree li, tbody tr')].every((row) => 'mine' in row.dataset)"
    uptime = "document.querySelector('#health div:nth-child(9) dd').textContent"
    async with _ops(FaultyGateway()) as page:
        await page.text("#state", contains="live")
        await page.text("#settings-note")
        await page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
        before = await page.evaluate(f"{mark}, {uptime}")
        changed = f"""new Promise((resolve) => {{
          const look = () => {uptime} === {json.dumps(before)} ? requestAnimationFrame(look) : resolve(true);
          look();
        }})"""
        assert await page.evaluate(changed)
        assert await page.evaluate(kept)


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_wrong(scheme: str) -> None:
    async with _ops(gateway := FaultyGateway()) as page:
        await page.prefer(scheme)
        await _publish(gateway, {"topic": "orders:7", "type": "x", "data": {"fault": "topic ValueError"}})
        await page.text("#odd li", contains="an actor failed")
        await page.click("summary")
        assert await page.axe_violations("html") == []
        assert page.errors == ()


@pytest.mark.gen_test(timeout=90)
async def test_the_page_fits_a_telephone() -> None:
    async with _ops(FaultyGateway()) as page:
        await page.resize(360, 740)
        await page.text("#state", contains="live")
        assert await page.evaluate("document.documentElement.scrollWidth <= 360")
