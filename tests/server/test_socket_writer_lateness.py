"""The write deadline of a gateway that was away itself: a late look is no stall, a second one is."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

from actors.meter import Meter
from server.socket_writer import LATE_S, SocketWriter

pytestmark = pytest.mark.slow

STALL_S = 0.1
MUCH = bytes(1 << 20)  # more than both kernel buffers together


class Away:
    """A writer whose loop stands still for longer than its write deadline, and the peer before it."""

    def __init__(self) -> None:
        near, self.far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.far.setblocking(False)
        self.stream = IOStream(near)
        self.writer = SocketWriter(self.stream, STALL_S, Meter())
        self.stalled = asyncio.Event()
        self.writer.watch(lambda: None, self.stalled.set)

    def write_and_be_away(self) -> None:
        self.writer.write(MUCH)
        assert self.writer.blocked
        time.sleep(STALL_S + LATE_S + 0.2)  # the loop stands still: that is the fault

    async def read_all(self) -> None:
        left, loop = len(MUCH), asyncio.get_running_loop()
        async with asyncio.timeout(10):
            while left:
                left -= len(await loop.sock_recv(self.far, left))
            await self.writer.until_unblocked()

    def close(self) -> None:
        self.stream.close()
        self.far.close()


@pytest.fixture
def away(io_loop: IOLoop) -> Iterator[Away]:
    async def make() -> Away:
        return Away()

    made = io_loop.run_sync(make)
    yield made
    made.close()


@pytest.mark.gen_test(timeout=30)
async def test_who_reads_once_the_gateway_is_back_is_no_stalled_client(away: Away) -> None:
    away.write_and_be_away()
    await asyncio.sleep(0)
    assert not away.stalled.is_set()
    await away.read_all()
    assert not away.stalled.is_set()
    assert (away.writer.blocked, away.writer.unsent_bytes) == (False, 0)


@pytest.mark.gen_test(timeout=30)
async def test_who_still_does_not_read_is_one(away: Away) -> None:
    away.write_and_be_away()
    await asyncio.sleep(0)
    assert not away.stalled.is_set()
    async with asyncio.timeout(20):
        await away.stalled.wait()


@pytest.mark.gen_test(timeout=30)
async def test_the_next_write_after_a_late_look_has_its_own_deadline(away: Away) -> None:
    away.write_and_be_away()
    await away.read_all()
    away.writer.write(MUCH)
    async with asyncio.timeout(20):
        await away.stalled.wait()
