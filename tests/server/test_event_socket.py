"""The socket of a stream of events, before a real kernel: its last word, and what it does to one who talks."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from event_stream import EventStream
from loop_turns import until
from tornado.iostream import IOStream

from actors.meter import Meter
from actors.protocol.codes import CloseCode
from actors.protocol.sse import COMMENT, ENDED
from server.event_socket import CHATTER_BYTES, EventSocket

STAY_AWAY = {1000, 1001, 1002, 1007, 1009, 4400, 4403}


@asynccontextmanager
async def pair(
    *, buffer_bytes: int | None = None, stall_s: float = 1e6
) -> AsyncIterator[tuple[EventSocket, EventStream]]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    if buffer_bytes is not None:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    stream = IOStream(ours)
    try:
        async with EventStream(theirs) as reader:
            yield EventSocket(stream, stall_s, Meter()), reader
    finally:
        stream.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("code", list(CloseCode))
async def test_the_last_event_says_why_and_whether_to_come_back(code: CloseCode) -> None:
    async with pair() as (events, reader):
        events.close(code, "for a reason")
        last = await reader.event()
        assert last is not None and last.name == "closed"
        assert json.loads(last.data) == {"code": int(code), "reason": "for a reason"}
        assert (last.id == ENDED) == (code in STAY_AWAY)
        assert await reader.event() is None
        assert events.close_code == code


@pytest.mark.gen_test
async def test_a_reason_cannot_begin_another_event() -> None:
    async with pair() as (events, reader):
        events.close(CloseCode.INTERNAL_ERROR, "one\r\n\r\nevent: message\ndata: two\n\n")
        closed = await reader.closed()
        assert closed is not None and closed.reason == "one\r\n\r\nevent: message\ndata: two\n\n"


@pytest.mark.gen_test
async def test_only_the_first_of_two_reasons_is_told() -> None:
    async with pair() as (events, reader):
        events.close(CloseCode.RESTART, "first")
        events.close(CloseCode.UNAUTHORIZED, "second")
        closed = await reader.closed()
        assert closed is not None and (closed.code, closed.reason) == (1012, "first")
        assert events.close_code == 1012


@pytest.mark.gen_test
async def test_the_frames_that_sockets_share_are_not_taken() -> None:
    async with pair() as (events, reader):
        assert events.send(b"\x81\x02{}") == 0
        events.write(COMMENT)
        events.close(CloseCode.RESTART, "")
        await reader.closed()
        assert reader.parser.comments == 1


@pytest.mark.gen_test
async def test_the_last_event_comes_behind_what_waits_where_the_reader_goes_on_in_time() -> None:
    async with pair(buffer_bytes=4096) as (events, reader):
        events.write(b"event: message\ndata: " + json.dumps("x" * 200_000).encode() + b"\n\n")
        assert events.blocked
        events.close(CloseCode.SLOW_CONSUMER, "slow")
        first, last = await reader.event(), await reader.event()
        assert first is not None and len(first.data) == 200_002
        assert last is not None and last.name == "closed"


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_reader_that_does_not_go_on_is_cut_off_all_the_same() -> None:
    async with pair(buffer_bytes=4096) as (events, _):
        events.write(b": " + b"x" * 1_000_000 + b"\n\n")
        gone = asyncio.ensure_future(events.until_gone())
        events.close(CloseCode.SLOW_CONSUMER, "slow")
        async with asyncio.timeout(15):
            await gone


@pytest.mark.gen_test
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_leaves_is_noticed(how: str) -> None:
    async with pair() as (events, reader):
        gone = asyncio.ensure_future(events.until_gone())
        await asyncio.sleep(0)
        getattr(reader, how)()
        await until(gone.done, "the end")
        assert events.close_code is None
        events.write(b"to nobody")
        events.close(CloseCode.RESTART, "to nobody")


@pytest.mark.gen_test
async def test_a_little_chatter_is_read_and_passed_over() -> None:
    async with pair() as (events, reader):
        gone = asyncio.ensure_future(events.until_gone())
        await reader.send(b"GET / HTTP/1.1\r\n\r\n" * 10)
        events.write(COMMENT)
        assert await reader.receive() and not gone.done()
        reader.close()
        await until(gone.done, "the end")


@pytest.mark.gen_test
async def test_who_says_more_than_the_bound_is_cut_off() -> None:
    async with pair() as (events, reader):
        gone = asyncio.ensure_future(events.until_gone())
        sent = 0
        with pytest.raises(ConnectionError):
            while sent < 64 * CHATTER_BYTES:
                await reader.send(b"x" * 16_384)
                sent += 16_384
                await asyncio.sleep(0)
        await until(gone.done, f"the end after {sent} bytes")


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_write_that_stalls_is_told() -> None:
    async with pair(buffer_bytes=4096, stall_s=0.2) as (events, _):
        stalled = asyncio.Event()
        events.watch(lambda: None, stalled.set)
        events.write(b": " + b"x" * 1_000_000 + b"\n\n")
        async with asyncio.timeout(15):
            await stalled.wait()
