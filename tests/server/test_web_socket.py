"""A WebSocket behind a bare Tornado handler: close codes, and that they get through."""

import asyncio
import select
from collections.abc import Iterator

import pytest
from echo_server import Echo, EchoHandler
from node_peers import Closed
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.web import Application
from wire import CLOSE, PING, PONG, TEXT, RawClient, frame_bytes

from server import web_socket
from server.web_socket import close_payload_flaw


class _Recorder(Echo):
    """Notes what it is told and echoes; the message ``leave`` is answered with close code 4509, ``fail`` raises."""

    messages: list[str | bytes]
    closed: asyncio.Event

    def on_message(self, message: str | bytes) -> None:
        self.messages.append(message)
        if message == "leave":
            self.socket.close(4509, "ö" * 100)
        elif message == "fail":
            raise LookupError("on purpose")
        else:
            super().on_message(message)

    def on_gone(self) -> None:
        self.closed.set()


class Server:
    """Where it listens, and what its handlers saw."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []
        self.closed = asyncio.Event()
        (listener,) = bind_sockets(0, "127.0.0.1")
        self.port: int = listener.getsockname()[1]
        recorder = type("Recorder", (_Recorder,), {"messages": self.messages, "closed": self.closed})
        routes = [("/", EchoHandler, {"delegate": recorder, "max_message_bytes": 1024})]
        self.http = HTTPServer(Application(routes, log_function=lambda handler: None))
        self.http.add_socket(listener)

    async def client(self) -> RawClient:
        return await RawClient.upgraded(self.port, "/", subprotocols=())


@pytest.fixture
def server(io_loop: IOLoop) -> Iterator[Server]:
    async def start() -> Server:
        return Server()

    running = io_loop.run_sync(start)
    yield running
    running.http.stop()
    io_loop.run_sync(running.http.close_all_connections)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999])
def test_registered_and_private_close_codes_are_legal(code: int) -> None:
    assert close_payload_flaw(code.to_bytes(2) + "grüße".encode()) is None


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
def test_every_other_close_code_is_a_protocol_error(code: int) -> None:
    assert close_payload_flaw(code.to_bytes(2)) == (1002, "illegal close code")


def test_an_empty_close_is_legal_and_half_a_code_or_a_bad_reason_is_not() -> None:
    assert close_payload_flaw(b"") is None
    assert close_payload_flaw(b"\x03") == (1002, "a close code has two bytes")
    assert close_payload_flaw(b"\x03\xe8\xff") == (1007, "the close reason is not UTF-8")


@pytest.mark.gen_test
async def test_messages_go_in_and_out_in_order(server: Server) -> None:
    async with await server.client() as client:
        await client.send_bytes(b"".join(frame_bytes(TEXT, f"{n}".encode()) for n in range(50)))
        echoed = [await client.frame() for _ in range(50)]
    assert [frame.payload for frame in echoed if frame] == [f"{n}".encode() for n in range(50)]
    assert server.messages == [f"{n}" for n in range(50)]


@pytest.mark.gen_test
async def test_a_ping_is_answered_with_its_own_payload(server: Server) -> None:
    async with await server.client() as client:
        await client.send(PING, b"\x00 anything \xff")
        pong = await client.frame()
        assert pong is not None
        assert (pong.opcode, pong.payload) == (PONG, b"\x00 anything \xff")


@pytest.mark.gen_test
async def test_a_reason_that_is_too_long_is_cut_at_a_character(server: Server) -> None:
    async with await server.client() as client:
        await client.send(TEXT, b"leave")
        assert await client.closed() == Closed(4509, "ö" * 61)
        await client.send(CLOSE, (4509).to_bytes(2))
        assert await client.gone() == b""


@pytest.mark.gen_test
async def test_a_violation_is_told_before_the_connection_ends_and_ends_it_at_once(server: Server) -> None:
    async with await server.client() as client:
        await client.send(TEXT, b"fine")
        await client.send(TEXT, b"naked", masked=False)
        await client.send(TEXT, b"after")
        assert await client.closed() == Closed(1002, "frames from a client must be masked")
        assert await client.gone() == b""
    async with asyncio.timeout(5):
        await server.closed.wait()
    assert server.messages == ["fine"]


@pytest.mark.gen_test
async def test_a_peer_that_does_not_answer_our_close_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_socket, "LINGER_S", 0.05)
    async with await server.client() as client:
        await client.send(TEXT, b"leave")
        assert (await client.closed() or Closed(0, "")).code == 4509
        assert await client.gone() == b""
        async with asyncio.timeout(5):
            await server.closed.wait()


@pytest.mark.gen_test
async def test_frames_that_arrived_before_the_peer_left_are_still_read(server: Server) -> None:
    async with await server.client() as client:
        await client.send_bytes(b"".join(frame_bytes(TEXT, f"{n}".encode()) for n in range(20)))
    async with asyncio.timeout(5):
        await server.closed.wait()
    assert server.messages == [f"{n}" for n in range(20)]


@pytest.mark.gen_test
async def test_a_fragmented_message_is_one_and_a_ping_may_come_between(server: Server) -> None:
    async with await server.client() as client:
        await client.send_bytes(
            frame_bytes(TEXT, b"one ", fin=False) + frame_bytes(PING, b"?") + frame_bytes(0, b"message")
        )
        frames = [await client.frame(), await client.frame()]
    assert [(frame.opcode, frame.payload) for frame in frames if frame] == [(PONG, b"?"), (TEXT, b"one message")]


@pytest.mark.gen_test
async def test_a_message_that_cannot_be_handled_costs_its_own_connection(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with await server.client() as client:
        await client.send(TEXT, b"fail")
        assert await client.gone() == b""
        async with asyncio.timeout(5):
            await server.closed.wait()
    assert [record.name for record in caplog.records] == ["fanwire.sockets"]
    caplog.clear()


@pytest.mark.gen_test
async def test_a_peer_that_answers_at_once_does_not_keep_the_loop(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second message is there before the first one is handled; what that one left for the loop goes first."""
    loop = asyncio.get_running_loop()
    steps: list[str | bytes] = []
    async with await server.client() as client:

        def handle(echo: Echo, message: str | bytes) -> None:
            steps.append(message)
            loop.call_soon(steps.append, f"turn after {message!r}")
            if message == "first":
                assert client._socket.send(frame_bytes(TEXT, b"second"))
                assert select.select([echo.socket._stream.socket], [], [], 5)[0]  # it is there before the next read
            else:
                server.closed.set()

        monkeypatch.setattr(_Recorder, "on_message", handle)
        await client.send(TEXT, b"first")
        async with asyncio.timeout(5):
            await server.closed.wait()
    assert steps[:3] == ["first", "turn after 'first'", "second"]
