"""``harness.play``: a capture becomes a test in one line, and one that can fail."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from server.testing import ExpectationFailed, WsHarness
from server.testing.gateway_on_demand import GatewayOnDemand

Token = Callable[..., str]


def capture(folder: Path, *, step_s: float = 0.2, data: str = "seen") -> Path:
    """Six messages of two topics, ``step_s`` apart, as ``fanwire tail --json`` writes them."""
    lines = []
    for n in range(6):
        fields = {"v": 1, "id": "x", "topic": f"thread:{n % 2}", "type": f"step_{n}", "ts": 100 + n * step_s}
        lines.append(json.dumps({**fields, "data": {"text": data, "n": n}, "seq": n + 1, "prev": max(0, n - 1)}))
    file = folder / "capture.jsonl"
    file.write_text("\n".join(lines))
    return file


@pytest.mark.parametrize("transport", ["websocket", "sse"])
@pytest.mark.gen_test
async def test_what_a_browser_saw_is_seen_again(
    gateway: GatewayOnDemand, token: Token, tmp_path: Path, transport: str
) -> None:
    topics = ["thread:0", "thread:1"]
    async with WsHarness(gateway, token(subscribe=["*"]), topics=topics, transport=transport) as ws:  # type: ignore[arg-type]
        seen = await ws.play(capture(tmp_path), speed=100)
    assert [packet["type"] for packet in seen] == ["step_0", "step_2", "step_4", "step_1", "step_3", "step_5"]


@pytest.mark.gen_test
async def test_topics_that_nobody_follows_are_subscribed_to_and_the_pace_is_scaled(
    gateway: GatewayOnDemand, token: Token, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    async with WsHarness(gateway, token(subscribe=["*"])) as ws:
        begun = loop.time()
        await ws.play(capture(tmp_path), speed=10)
        assert loop.time() - begun >= 0.1  # a second of the capture


@pytest.mark.gen_test
async def test_a_client_of_a_url_publishes_by_itself(gateway: GatewayOnDemand, token: Token, tmp_path: Path) -> None:
    url = (await gateway.started()).url
    async with WsHarness(url, token(subscribe=["*"], publish=["thread:*"])) as ws:
        assert len(await ws.play(capture(tmp_path), speed=100)) == 6
    async with WsHarness(url, token(subscribe=["*"])) as ws:
        with pytest.raises(ExpectationFailed, match="the gateway answered error"):
            await ws.play(capture(tmp_path), speed=100)


@pytest.mark.gen_test
async def test_what_is_seen_otherwise_than_captured_fails_with_what_was_captured(
    gateway: GatewayOnDemand, token: Token, tmp_path: Path
) -> None:
    async with WsHarness(gateway, token(subscribe=["*"]), topics=["thread:0"]) as ws:
        await gateway.publish("thread:0", "step_0", {"text": "another", "n": 0})
        with pytest.raises(ExpectationFailed) as caught:
            await ws.play(capture(tmp_path), speed=100)
    assert "where data is {'text': 'seen', 'n': 0}, as in the capture" in caught.value.expected
    assert caught.value.instead.startswith("out of order there is thread:0 step_0 with {'text': 'another', 'n': 0}")


@pytest.mark.gen_test
async def test_what_does_not_come_again_fails_at_the_deadline(
    gateway: GatewayOnDemand, token: Token, tmp_path: Path
) -> None:
    async with WsHarness(gateway, token(subscribe=["*"]), topics=["thread:0", "thread:1"]) as ws:
        await ws.ask("unsubscribe", {"topics": ["thread:1"]})
        with pytest.raises(ExpectationFailed, match="step_1 on thread:1"):
            await ws.play(capture(tmp_path), speed=100, timeout=0.05)


@pytest.mark.gen_test
async def test_a_speed_has_to_be_one(gateway: GatewayOnDemand, token: Token, tmp_path: Path) -> None:
    async with WsHarness(gateway, token(subscribe=["*"])) as ws:
        with pytest.raises(ValueError, match="speed must be above 0"):
            await ws.play(capture(tmp_path), speed=0)
