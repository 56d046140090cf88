"""SocketWriter over a real pair of sockets: order, what it keeps, and whom it tells."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

from actors.meter import Meter
from server.socket_writer import SocketWriter

STALL_S = 0.1
MUCH = bytes(range(256)) * 4096  # 1 MiB: more than both kernel buffers together


class Pair:
    """A writer and the other end of its connection, which reads only when a test says so."""

    def __init__(self) -> None:
        near, self.far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.far.setblocking(False)
        self.stream = IOStream(near)
        self.writer = SocketWriter(self.stream, STALL_S, Meter())

    async def read(self, size: int) -> bytes:
        loop, received = asyncio.get_running_loop(), b""
        async with asyncio.timeout(5):
            while len(received) < size:
                chunk = await loop.sock_recv(self.far, size - len(received))
                assert chunk
                received += chunk
        return received

    def close(self) -> None:
        self.stream.close()
        self.far.close()


@pytest.fixture
def pair(io_loop: IOLoop) -> Iterator[Pair]:
    async def make() -> Pair:
        return Pair()

    made = io_loop.run_sync(make)
    yield made
    made.close()


@pytest.mark.gen_test
async def test_what_the_kernel_takes_is_gone_at_once(pair: Pair) -> None:
    pair.writer.write(b"hello")
    assert (pair.writer.blocked, pair.writer.unsent_bytes) == (False, 0)
    assert pair.far.recv(10) == b"hello"


@pytest.mark.gen_test
async def test_everything_arrives_in_order_however_it_was_written(pair: Pair) -> None:
    pair.writer.write(MUCH)
    pair.writer.write(b"second")
    pair.writer.write(memoryview(b"third"))
    assert await pair.read(len(MUCH) + 11) == MUCH + b"secondthird"
    await pair.writer.until_unblocked()
    pair.writer.write(b"fourth")
    assert await pair.read(6) == b"fourth"


@pytest.mark.gen_test
async def test_what_waits_is_counted_and_forgotten_once_it_is_through(pair: Pair) -> None:
    pair.writer.write(MUCH)
    waiting = pair.writer.unsent_bytes
    assert pair.writer.blocked
    assert len(MUCH) // 2 < waiting < len(MUCH)
    pair.writer.write(b"12345")
    assert pair.writer.unsent_bytes == waiting + 5
    await pair.read(len(MUCH) + 5)
    await pair.writer.until_unblocked()
    assert (pair.writer.blocked, pair.writer.unsent_bytes) == (False, 0)


@pytest.mark.gen_test
async def test_a_watcher_hears_of_each_change_and_sees_it(pair: Pair) -> None:
    seen: list[bool] = []
    pair.writer.watch(lambda: seen.append(pair.writer.blocked), lambda: None)
    pair.writer.write(b"taken")
    assert seen == []
    pair.writer.write(MUCH)
    pair.writer.write(MUCH)
    assert seen == [True]
    await pair.read(5 + 2 * len(MUCH))
    await pair.writer.until_unblocked()
    assert seen == [True, False]


@pytest.mark.gen_test
async def test_waiting_ends_also_when_the_connection_is_lost(pair: Pair) -> None:
    pair.writer.write(MUCH)
    waiting = [asyncio.ensure_future(pair.writer.until_unblocked()) for _ in range(2)]
    await asyncio.sleep(0)
    pair.stream.close()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert (pair.writer.blocked, pair.writer.unsent_bytes) == (False, 0)


@pytest.mark.gen_test
async def test_a_waiter_that_gives_up_takes_nothing_from_the_others(pair: Pair) -> None:
    pair.writer.write(MUCH)
    gives_up, stays = (asyncio.ensure_future(pair.writer.until_unblocked()) for _ in range(2))
    await asyncio.sleep(0)
    gives_up.cancel()
    await pair.read(len(MUCH))
    async with asyncio.timeout(5):
        await stays


@pytest.mark.gen_test
async def test_writing_to_a_peer_that_is_gone_closes_the_stream_and_says_nothing(pair: Pair) -> None:
    pair.far.close()
    pair.writer.write(b"into the void")
    pair.writer.write(b"again")
    assert pair.stream.closed()
    assert (pair.writer.blocked, pair.writer.unsent_bytes) == (False, 0)


@pytest.mark.gen_test
async def test_a_writer_made_after_the_peer_has_gone_takes_nothing(pair: Pair) -> None:
    pair.stream.close()
    writer = SocketWriter(pair.stream, STALL_S, Meter())
    writer.write(b"nobody")
    await writer.until_unblocked()
    assert (writer.blocked, writer.unsent_bytes) == (False, 0)
    with pytest.raises(OSError, match="the peer is gone"):
        writer.send(b"nobody")


@pytest.mark.gen_test
async def test_a_write_that_does_not_get_through_in_time_is_a_stall_though_bytes_trickle(pair: Pair) -> None:
    stalled = asyncio.Event()
    pair.writer.watch(lambda: None, stalled.set)
    pair.writer.write(MUCH)
    async with asyncio.timeout(5):
        while not stalled.is_set():
            await pair.read(1)


@pytest.mark.gen_test
async def test_a_reader_that_gets_through_each_write_in_time_is_no_stall(pair: Pair) -> None:
    stalls: list[int] = []
    pair.writer.watch(lambda: None, lambda: stalls.append(1))
    deadline = asyncio.get_running_loop().time() + 3 * STALL_S
    while asyncio.get_running_loop().time() < deadline:
        pair.writer.write(MUCH)
        await pair.read(len(MUCH))
        await pair.writer.until_unblocked()
    assert stalls == []


@pytest.mark.gen_test
async def test_the_age_of_the_oldest_unsent_byte_is_known_while_there_is_one(pair: Pair) -> None:
    assert pair.writer.unsent_since is None
    before = time.monotonic()
    pair.writer.write(MUCH)
    after, began = time.monotonic(), pair.writer.unsent_since
    pair.writer.write(b"younger")
    assert began is not None and before <= began <= after
    assert pair.writer.unsent_since == began
    await pair.read(len(MUCH) + 7)
    await pair.writer.until_unblocked()
    assert pair.writer.unsent_since is None
