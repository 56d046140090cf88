"""One TCP connection of a test, as an asyncio protocol: it can stop reading, send any bytes, and be cut off.

Owns the transport. A protocol, because then nothing has to be awaited for pings to be answered, TLS comes along,
and ``pause_reading`` really leaves what comes in the kernel.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from struct import pack
from typing import cast

from server.testing.dialect import Closed, Dialect, Ended, Happening, Reply

__all__ = ["Connection"]


class Connection(asyncio.Protocol):
    """``take`` hears what happens, in order, and last of an ``Ended``; it says whether it has room for more."""

    def __init__(self, dialect: Dialect, take: Callable[[Happening], bool]) -> None:
        self._dialect = dialect
        self._take = take
        self._transport: asyncio.Transport | None = None
        self._has_ended = False
        self.is_stalled = False
        self._is_full = False
        self._gone = asyncio.Event()

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None, receive_buffer: int | None) -> None:
        """Connect and send the greeting. Raises: OSError where nobody listens."""
        loop = asyncio.get_running_loop()
        if receive_buffer is None:
            await loop.create_connection(lambda: self, host, port, ssl=tls)
            return
        narrow = await _narrow_socket(host, port, receive_buffer)
        await loop.create_connection(lambda: self, sock=narrow, ssl=tls, server_hostname=host if tls else None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._dialect.greeting())

    def data_received(self, data: bytes) -> None:
        try:
            for happening in self._dialect.feed(data):
                self._act(happening)
        except ValueError as flaw:
            # What came is no HTTP, no UTF-8 or no JSON: the transcript is where a test's author looks for it.
            self._end(Closed(1006, f"the gateway sent what this client cannot read: {flaw}"))
            self.cut_off()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._end(Closed(1006, "cut off" if exc else "hung up without a close frame"))

    def stall(self) -> None:
        """Read nothing more, until ``unstall``."""
        self.is_stalled = True
        self._adjust_reading()

    def unstall(self) -> None:
        self.is_stalled = False
        self._adjust_reading()

    def has_room(self) -> None:
        """Whoever takes what happens could not, and can again."""
        self._is_full = False
        self._adjust_reading()

    def send_text(self, text: str) -> None:
        """Raises: TypeError where the connection only listens."""
        data = self._dialect.text(text)
        if data is None:
            raise TypeError("a stream of events only listens: nothing can be sent on it")
        self.send(data)

    def send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def hang_up(self) -> None:
        """In order: with a close frame, where there are such."""
        self.send(self._dialect.farewell())
        self._close()

    async def until_gone(self, timeout_s: float) -> None:
        """Until the socket is closed; cut off after ``timeout_s`` seconds, where bytes do not get away."""
        if self._transport is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._gone.wait()
        except TimeoutError:
            self._transport.abort()
            await self._gone.wait()

    def cut_off(self) -> None:
        """With a RST, as a lost network looks to the gateway once it notices."""
        if self._transport is not None and not self._transport.is_closing():
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
            self._transport.abort()

    def _act(self, happening: Happening) -> None:
        match happening:
            case Reply(data):
                self.send(data)
            case Ended(closed):
                self._end(closed)
                self._close()
            case _:
                self._is_full = not self._take(happening)
                self._adjust_reading()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _end(self, closed: Closed) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._take(Ended(closed))

    def _adjust_reading(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self.is_stalled or self._is_full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


async def _narrow_socket(host: str, port: int, receive_buffer: int) -> socket.socket:
    """A small window has to be asked for before the connection is made. Raises: OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    narrow = socket.socket(family, kind, protocol)
    try:
        narrow.setblocking(False)
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await loop.sock_connect(narrow, address)
    except BaseException:
        narrow.close()
        raise
    return narrow
