"""Every metric of the catalogue is one that moves: a gateway is driven until each of them has shown something."""

import socket
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from gateways import LONG_S, WITH_TOKENS, RunningGateway, envelope, running_gateway, token_for
from prometheus_client.parser import text_string_to_metric_families
from slow_reader import SlowReader, until_blocked
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from wire import RawClient

from actors.metrics import CATALOGUE, Kind, Metric
from actors.protocol.envelope import TopicName
from server.metrics import reporters

pytestmark = pytest.mark.slow

DEADLINE_S = 20.0
SHORT_S = 0.1


def closed_port() -> int:
    """A UDP port on 127.0.0.1 at which nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Scraper:
    """Reads ``/metrics`` and keeps the greatest value that each metric ever showed, whatever its label."""

    def __init__(self, running: RunningGateway) -> None:
        self.greatest: defaultdict[str, float] = defaultdict(float)
        self._url = f"http://127.0.0.1:{running.port}/metrics"
        self._http = SimpleAsyncHTTPClient(force_instance=True)

    async def scrape(self) -> None:
        page = await self._http.fetch(self._url, request_timeout=DEADLINE_S)
        for family in text_string_to_metric_families(page.body.decode()):
            for sample in family.samples:
                self.greatest[sample.name] = max(self.greatest[sample.name], sample.value)

    def unmoved(self) -> list[str]:
        return [metric.name for metric in CATALOGUE if not self.greatest[_sample_of(metric)]]

    def close(self) -> None:
        self._http.close()


def _sample_of(metric: Metric) -> str:
    """The sample that says that something happened; a histogram's sum may be zero, its count may not."""
    return f"{metric.name}_count" if metric.kind is Kind.HISTOGRAM else metric.name


@asynccontextmanager
async def scraped_gateway() -> AsyncIterator[tuple[RunningGateway, Scraper]]:
    """With tokens, small mailboxes that drop what is too much, and a StatsD daemon that is not there."""
    settings: dict[str, Any] = {
        **WITH_TOKENS,
        "mailbox.messages": 4,
        "topics.busy.overflow": "drop_oldest",
        "statsd.host": "127.0.0.1",
        "statsd.port": closed_port(),
        "statsd.interval_s": SHORT_S,
    }
    async with running_gateway(settings) as running:
        scraper = Scraper(running)
        try:
            yield running, scraper
        finally:
            scraper.close()


TOKEN = token_for(publish=["*"], subscribe=["*"], ttl_s=LONG_S)


async def a_stranger_is_turned_away(running: RunningGateway) -> None:
    async with await running.tab(token="not.a.token") as stranger:
        assert (await stranger.closed()).code == 4401


async def a_tab_comes_back_and_acknowledges_not_everything(running: RunningGateway, scraper: Scraper) -> None:
    message = envelope("thread:1")
    assert (await running.publish(message, token=TOKEN)).status == 200
    async with await running.tab(token=TOKEN) as tab:
        await tab.ask(envelope("system", "subscribe", {"topics": {"thread:1": {"since": "earliest"}}}))
        await tab.frame_of_type("note")
        assert (await running.publish(envelope("thread:1", "live"), token=TOKEN)).status == 200
        await tab.frame_of_type("live")
        await tab.send(envelope("system", "pong", {"seen": {"thread:1": message["id"]}}))
        await until_moved(scraper, "ws_ack_lag_seconds")


async def a_tab_falls_behind(running: RunningGateway, scraper: Scraper) -> None:
    protocols = ("fanwire.v1", f"fanwire.token.{TOKEN}")
    client = await RawClient.upgraded(running.port, subprotocols=protocols, receive_buffer=4096)
    async with SlowReader(client) as slow:
        await slow.subscribe({"busy": {}})
        await until_blocked(running, "busy", "x" * 20_000)
        for _ in range(10):
            assert (await running.publish(envelope("busy"), token=TOKEN)).status == 200
        await until_moved(scraper, "ws_mailbox_depth", "ws_slow_episodes_total", "actor_mailbox_depth")


async def a_topic_fails_for_good(running: RunningGateway) -> None:
    """It is told what it does not know, again and again; what waits then is dead, and what comes is refused."""
    topic = TopicName("thread:bad")
    await running.gateway.publish(topic, "note", {})
    box = running.gateway.directory.find(topic)
    assert box is not None
    for _ in range(4):
        box.control("what is this?")
    assert (await running.publish(envelope(topic), token=TOKEN)).status == 200
    for _ in range(1000):
        if (await running.publish(envelope(topic), token=TOKEN)).status == 503:
            return
    raise AssertionError("the topic was never given up")


async def the_bus_is_away(running: RunningGateway) -> None:
    running.gateway.bus.stop()
    assert (await running.publish(envelope("thread:1"), token=TOKEN)).status == 503


async def until_moved(scraper: Scraper, *names: str) -> None:
    """Scrape until these have moved, or for so long that they never will."""
    for _ in range(200):
        await scraper.scrape()
        if not set(names) & set(scraper.unmoved()):
            return
    raise AssertionError(f"did not move: {sorted(set(names) & set(scraper.unmoved()))}")


@pytest.mark.gen_test(timeout=60)
async def test_every_metric_of_the_catalogue_moves_in_a_real_run(
    expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporters, "ACKS_FRESH_S", 0.0)  # or the lag is looked at every ten seconds only
    for line in ("an actor failed", "a topic is in quarantine", "dead letter", "StatsD", "POST /api/publish 503"):
        expected_logs.allow(line)
    async with scraped_gateway() as (running, scraper):
        await scraper.scrape()
        await a_stranger_is_turned_away(running)
        await a_tab_comes_back_and_acknowledges_not_everything(running, scraper)
        await a_tab_falls_behind(running, scraper)
        await a_topic_fails_for_good(running)
        await the_bus_is_away(running)
        await until_moved(scraper, "ws_disconnected_total", "loop_lag_seconds", "statsd_errors_total")
        assert scraper.unmoved() == [], "these never moved"


@pytest.mark.gen_test(timeout=30)
async def test_the_page_names_every_metric_of_the_catalogue_and_no_other() -> None:
    async with running_gateway() as running:
        scraper = Scraper(running)
        await scraper.scrape()
        scraper.close()
        shown = {name for name in scraper.greatest if not name.endswith(("_bucket", "_sum", "_created"))}
        assert shown == {_sample_of(metric) for metric in CATALOGUE}
