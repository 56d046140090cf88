"""``harness.play``: a capture becomes a test in one line, and one that can fail."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.testing import ExpectationFailed, WsHarness
from server.testing.client import Transport
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
    gateway: GatewayOnDemand, token: Token, tmp_path: Path, transport: Transport
) -> None:
    topics = ["thread:0", "thread:1"]
    async with WsHarness(gateway, token(subscribe=["*"]), topics=topics, transport=transport) as ws:
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
        # The topic that is watched first: messages that do come would have to within the same deadline.
        await ws.ask("unsubscribe", {"topics": ["thread:0"]})
        with pytest.raises(ExpectationFailed, match="step_0 on thread:0"):
            await ws.play(capture(tmp_path), speed=100, timeout=0.05)


@pytest.mark.gen_test
async def test_a_speed_has_to_be_one(gateway: GatewayOnDemand, token: Token, tmp_path: Path) -> None:
    async with WsHarness(gateway, token(subscribe=["*"])) as ws:
        with pytest.raises(ValueError, match="speed must be above 0"):
            await ws.play(capture(tmp_path), speed=0)


Told = tuple[bool, int]


def around_a_loss(folder: Path, told: Told, numbers: tuple[int, ...]) -> Path:
    """Messages 1 and 2, a connection that is lost, the gateway's answer to the next one, and messages ``numbers``."""

    def message(seq: int) -> dict[str, Any]:
        fields = {"v": 1, "id": "x", "topic": "thread:0", "type": f"step_{seq}", "ts": 100 + seq / 100}
        return {**fields, "data": {"n": seq}, "seq": seq, "prev": seq - 1}

    topics = {"thread:0": {"recovered": told[0], "seq": told[1], "replayed": told[1] - 2}}
    answer = {"v": 1, "id": "x", "topic": "system", "type": "subscribed", "data": {"topics": topics, "refused": {}}}
    lines = [message(1), message(2), answer, *map(message, numbers)]
    file = folder / "capture.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return file


@pytest.mark.parametrize("transport", ["websocket", "sse"])
@pytest.mark.gen_test
async def test_a_lost_connection_is_lost_again_and_what_was_missed_is_published_meanwhile(
    gateway: GatewayOnDemand, token: Token, tmp_path: Path, transport: Transport
) -> None:
    async with WsHarness(gateway, token(subscribe=["*"]), topics=["thread:0"], transport=transport) as ws:
        seen = await ws.play(around_a_loss(tmp_path, (True, 4), (3, 4, 5)), speed=100)
        assert [packet["data"]["n"] for packet in seen] == [1, 2, 3, 4, 5]
        assert ws.transcript.count("dropped by the test") == 1
        assert ws.joined["thread:0"] == {"recovered": True, "replayed": 2, "seq": seen[3]["seq"]}
        ws.assert_no_gap()


@pytest.mark.parametrize("transport", ["websocket", "sse"])
@pytest.mark.gen_test
async def test_a_loss_that_the_browser_was_told_of_is_told_again_and_stands_before_what_came_then(
    gateway: GatewayOnDemand, token: Token, tmp_path: Path, transport: Transport
) -> None:
    async with WsHarness(gateway, token(subscribe=["*"]), topics=["thread:0"], transport=transport) as ws:
        seen = await ws.play(around_a_loss(tmp_path, (False, 7), (8, 9)), speed=100)
        assert [packet["type"] for packet in seen] == ["step_1", "step_2", "gap", "step_8", "step_9"]
        assert seen[2]["data"]["reason"] == "history"
        assert ws.joined["thread:0"]["recovered"] is False


@pytest.mark.gen_test
async def test_a_gateway_that_tells_a_returning_client_otherwise_than_captured_fails_the_test(
    gateway: GatewayOnDemand, token: Token, tmp_path: Path
) -> None:
    forgetful = gateway({"history.messages": 1})
    async with forgetful as small, WsHarness(small, token(subscribe=["*"])) as ws:
        with pytest.raises(ExpectationFailed) as caught:
            await ws.play(around_a_loss(tmp_path, (True, 5), (3, 4, 5)), speed=100)
    assert caught.value.expected == "to be told, when back, as in the capture: thread:0: recovered True, replayed 3"
    assert caught.value.instead == "was told thread:0: recovered False, replayed 0"


@pytest.mark.gen_test
async def test_a_gap_that_the_capture_does_not_have_fails_the_test(
    gateway: GatewayOnDemand, token: Token, tmp_path: Path
) -> None:
    async with WsHarness(gateway, token(subscribe=["*"]), topics=["thread:1"]) as ws:
        await gateway.publish("thread:1", "unseen")
        await ws.expect("unseen")
        ws.drop()
        await ws.resume(lost=["thread:1"])
        with pytest.raises(ExpectationFailed, match="no gap but those of the capture"):
            await ws.play(around_a_loss(tmp_path, (True, 4), (3, 4, 5)), speed=100)
