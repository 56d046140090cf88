"""The connection of ``fanwire tail``: lost ones are made again, silent ones are lost, refused ones end it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from actors.protocol.codes import CloseCode
from server.app import Gateway
from server.cli.exit_codes import CommandFailed, ExitCode
from server.cli.gateway_address import parse_address
from server.cli.tail import Tail
from server.cli.tail_lines import json_line
from server.cli.tail_session import TailSession
from server.config import AuthConfig, Config, ServerConfig
from server.testing.capture import visits_of

TOPIC = "thread:1"


@asynccontextmanager
async def _peer(handler: type[RequestHandler]) -> AsyncIterator[str]:
    """A server that is no gateway, for what a gateway of ours never does."""
    server = HTTPServer(Application([(r"/api/ws", handler)]))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(socket)
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.stop()
        await server.close_all_connections()


class Shown:
    """What a tail wrote and said; ``until`` waits for a line with these words."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue(100)
        self.json: list[str] = []  # as ``--json`` writes it

    def note(self, frame: Mapping[str, Any]) -> None:
        self.json.append(json_line(frame))

    def write(self, envelope: Mapping[str, Any]) -> None:
        self.json.append(json_line(envelope))
        self.lines.put_nowait(f"{envelope['type']} {envelope['data']}")

    def say(self, line: str) -> None:
        self.lines.put_nowait(line)

    async def until(self, words: str) -> list[str]:
        seen = []
        async with asyncio.timeout(4):
            while not seen or words not in seen[-1]:
                seen.append(await self.lines.get())
        return seen


def _tail(url: str, shown: Shown, count: int | None = None) -> Tail:
    session = TailSession([TOPIC], "earliest")
    return Tail(parse_address(url), session, write=shown.write, note=shown.note, say=shown.say, count=count)


class Forbidding(RequestHandler):
    def get(self) -> None:
        self.set_status(403)


class Silent(WebSocketHandler):
    """Says hello and then nothing more."""

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return subprotocols[0]

    def open(self, *args: str, **kwargs: str) -> None:
        hello = {"v": 1, "id": "x", "topic": "system", "type": "hello", "data": {"heartbeat_s": 0.02}}
        self.write_message(json.dumps(hello))

    def on_message(self, message: str | bytes) -> None:
        return


@pytest.mark.gen_test
async def test_a_handshake_that_something_in_between_forbids_is_a_denial(expected_logs: Any) -> None:
    expected_logs.allow("403 GET /api/ws")
    async with _peer(Forbidding) as url:
        with pytest.raises(CommandFailed, match="403") as failed:
            await _tail(url, Shown()).follow()
    assert failed.value.exit_code is ExitCode.DENIED


@pytest.mark.gen_test
async def test_a_gateway_without_a_sign_of_life_is_left() -> None:
    shown = Shown()
    async with _peer(Silent) as url:
        following = asyncio.create_task(_tail(url, shown).follow())
        first, second = await shown.until("back in")
        following.cancel()
    assert first == "no sign of life for 0.04 s"
    assert second.startswith("closed")


@pytest.mark.gen_test
async def test_what_was_published_while_it_was_away_is_shown_once_and_in_order_and_a_capture_knows_it() -> None:
    config = Config(server=ServerConfig(drain_s=0.1), auth=AuthConfig(mode="disabled"))
    gateway = Gateway(config, failed=lambda: None)
    gateway.listen("127.0.0.1", 0)
    shown = Shown()
    await gateway.publish(TOPIC, "one", 1)
    following = asyncio.create_task(_tail(f"http://127.0.0.1:{gateway.port}", shown, count=3).follow())
    assert await shown.until("one") == ["one 1"]
    for client in gateway.clients:
        client.hang_up(CloseCode.SLOW_CONSUMER, "too slow")
    await gateway.publish(TOPIC, "two", 2)
    await gateway.publish(TOPIC, "three", 3)
    assert await shown.until("three") == ["closed 4509: too slow; back in 0.0 s", "two 2", "three 3"]
    await asyncio.wait_for(following, 4)
    await gateway.stop(drain_s=0.1)
    first, second = visits_of(shown.json)
    assert [message.data for message in first.live] == [1]
    assert ([message.data for message in second.missed], second.recovered) == ([2, 3], {TOPIC: True})
