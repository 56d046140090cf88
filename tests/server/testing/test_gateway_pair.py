"""Two workers on one bus; without a redis-server, a failure that says what to install."""

from collections.abc import Callable
from typing import Any

import pytest

from server.testing import WsHarness
from server.testing.redis_process import RedisProcess


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_what_is_published_at_one_is_seen_at_the_other_and_resumed_there(
    gateway_pair: Any, token: Callable[..., str]
) -> None:
    async with gateway_pair() as (one, other), WsHarness(one, token(subscribe=["t:a"]), topics=["t:a"]) as ws:
        await other.publish("t:a", "first")
        await ws.expect_sequence(["first"])
        ws.drop()
        await one.publish("t:a", "second")
        await ws.resume(at=other)
        await ws.expect_sequence(["second"])
        ws.assert_no_gap()


def test_a_missing_redis_server_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FileNotFoundError, match=r"apt-get install .*redis-server; and pip install 'fanwire.redis.'"):
        RedisProcess()
