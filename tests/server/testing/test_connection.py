"""The connection of a test, against a server that is only a socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from loop_turns import turns, until

from server.testing.connection import Connection
from server.testing.dialect import Happening, Text
from server.testing.events_dialect import EventsDialect

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(serve: Serve, take: Callable[[Happening], bool]) -> AsyncIterator[Connection]:
    writers: list[asyncio.StreamWriter] = []

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(kept, "127.0.0.1", 0)
    connection = Connection(EventsDialect("h", "/", {}), take)
    await connection.open("127.0.0.1", server.sockets[0].getsockname()[1], None, None)
    try:
        yield connection
    finally:
        connection.hang_up()
        await connection.until_gone(1)
        for writer in writers:
            writer.transport.abort()
        server.close()
        await turns(5)  # in which the transports close their sockets


@pytest.mark.gen_test
async def test_cutting_off_is_a_reset_and_no_orderly_end() -> None:
    ends: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
            ends.append("in order")
        except ConnectionResetError:
            ends.append("reset")

    async with connected(serve, lambda happening: True) as connection:
        connection.cut_off()
        await until(lambda: ends, "the end of the connection")
    assert ends == ["reset"]


@pytest.mark.gen_test
async def test_who_has_no_room_is_read_no_further_until_there_is() -> None:
    writers: list[asyncio.StreamWriter] = []
    taken: list[str] = []
    room = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(HEAD + b"data: 1\n\n")

    def take(happening: Happening) -> bool:
        if isinstance(happening, Text):
            taken.append(happening.text)
        return room

    async with connected(serve, take) as connection:
        await until(lambda: taken, "the first event")
        writers[0].write(b"data: 2\n\n")
        await turns(50)
        assert taken == ["1"]
        room = True
        connection.has_room()
        await until(lambda: len(taken) == 2, "the second event")


@pytest.mark.gen_test
async def test_bytes_that_do_not_get_away_do_not_keep_a_test_from_ending() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]

    async with connected(serve, lambda happening: True) as connection:
        await turns(20)
        connection.send(b"x" * 20_000_000)
        connection.hang_up()
        await connection.until_gone(0.05)
