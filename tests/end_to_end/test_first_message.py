"""The first message of a new user, with clients that are not ours: urllib publishes, node's ``ws`` listens."""

import asyncio
import json
import sys
import urllib.request
from collections.abc import Mapping

import pytest
from gateways import SECRET, envelope, token_for
from node_peers import NodeWebSocket

from server.testing.server_process import ServerProcess

pytestmark = pytest.mark.slow

SERVE = [sys.executable, "-m", "server.cli", "serve", "--port", "{port}"]


def _publish(port: int, message: object, headers: Mapping[str, str] | None = None) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/publish", json.dumps(message).encode(), headers=dict(headers or {})
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        body: dict[str, object] = json.load(answer)
    return body


@pytest.mark.gen_test(timeout=30)
async def test_in_development_mode_a_message_arrives_without_any_token() -> None:
    async with ServerProcess([*SERVE, "--dev"]) as server:
        assert server.returncode is None
        async with NodeWebSocket(f"ws://127.0.0.1:{server.port}/api/ws", protocols=["fanwire.v1"]) as peer:
            assert (await peer.frame())["type"] == "hello"
            await peer.send(envelope("system", "subscribe", {"topics": ["thread:42"]}))
            await peer.frame_of_type("subscribed")
            placed = await asyncio.to_thread(
                _publish, server.port, {"topic": "thread:42", "type": "note", "data": {"content": "Hello"}}
            )
            message = await peer.frame_of_type("note")
    assert {name: message[name] for name in ("topic", "data", "id", "seq", "prev")} == {
        "topic": "thread:42",
        "data": {"content": "Hello"},
        "id": placed["id"],
        "seq": placed["seq"],
        "prev": 0,
    }


@pytest.mark.gen_test(timeout=30)
async def test_with_a_secret_in_the_environment_tokens_decide() -> None:
    env = {"FANWIRE_AUTH__MODE": "jwt", "FANWIRE_AUTH__SECRET": SECRET}
    async with ServerProcess(SERVE, env=env) as server:
        offered = ["fanwire.v1", f"fanwire.token.{token_for('ada', subscribe=['thread:*'])}"]
        async with NodeWebSocket(f"ws://127.0.0.1:{server.port}/api/ws", protocols=offered) as peer:
            await peer.send(envelope("system", "subscribe", {"topics": ["thread:42", "secret"]}))
            answer = (await peer.frame_of_type("subscribed"))["data"]
            assert (list(answer["topics"]), list(answer["refused"])) == (["thread:42"], ["secret"])
            bearer = {"Authorization": f"Bearer {token_for('app', publish=['thread:*'])}"}
            await asyncio.to_thread(_publish, server.port, envelope("thread:42", data=1), bearer)
            assert (await peer.frame_of_type("note"))["data"] == 1
        assert SECRET not in server.log
        assert offered[1] not in server.log
