"""A WebSocket client that is only bytes on a socket: it can say what no library would, and can stop reading.

Source of the framing: RFC 6455 §5.2. Nothing is read unless a test asks for it, so what the gateway sends
waits in the kernel's buffers meanwhile.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from struct import pack
from types import TracebackType
from typing import Self

from node_peers import Closed

from server.testing.websocket_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame_bytes
from server.testing.websocket_frames import WireFrame as Frame

__all__ = ["BINARY", "CLOSE", "CONTINUATION", "PING", "PONG", "TEXT", "Frame", "RawClient", "frame_bytes"]

DEADLINE_S = 5.0
CHUNK_BYTES = 256 * 1024


class RawClient:
    """A connection to 127.0.0.1; as a context it is closed at the end."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = b""

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int | None = None) -> Self:
        """A TCP connection; ``receive_buffer`` bytes make the kernel say early that nobody reads.

        Raises: ConnectionRefusedError where nobody listens.
        """
        connection = socket.socket()
        connection.setblocking(False)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    @classmethod
    async def upgraded(
        cls,
        port: int,
        path: str = "/api/ws",
        *,
        subprotocols: Sequence[str] = ("fanwire.v1",),
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
    ) -> Self:
        """A connection with the handshake done. Raises: AssertionError where it is not answered with 101."""
        client = await cls.connect(port, receive_buffer=receive_buffer)
        try:
            await client.send_bytes(client.handshake(port, path, subprotocols=subprotocols, headers=headers))
            head = await client.head()
            assert head.startswith("HTTP/1.1 101 "), head
        except BaseException:
            client.close()
            raise
        return client

    @staticmethod
    def handshake(
        port: int,
        path: str = "/api/ws",
        *,
        subprotocols: Sequence[str] = ("fanwire.v1",),
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The bytes of an upgrade request."""
        fields = {
            "Host": f"127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **({"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {}),
            **(headers or {}),
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection as a process does that ends: with a FIN, or a RST where something is unread."""
        self._socket.close()

    def reset(self) -> None:
        """Cut the connection off with a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        self._socket.close()

    async def send_bytes(self, data: bytes) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def send_now(self, data: bytes) -> None:
        """Give a little to the kernel without letting anybody else in this loop have a turn meanwhile."""
        assert self._socket.send(data) == len(data)

    async def send(self, opcode: int, payload: bytes = b"", **how: int) -> None:
        """One frame; ``how`` as in ``frame_bytes``."""
        await self.send_bytes(frame_bytes(opcode, payload, **how))  # type: ignore[arg-type]

    async def head(self) -> str:
        """The status line and headers of the HTTP answer."""
        while b"\r\n\r\n" not in self._received:
            assert await self._receive(), "the gateway hung up before it had answered"
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    async def frame(self) -> Frame | None:
        """The next frame; None at the end of the stream. Raises: ConnectionError where it was cut off."""
        head = await self._bytes(2)
        if head is None:
            return None
        size = head[1] & 0x7F
        if size >= 126:
            extended = await self._bytes(2 if size == 126 else 8)
            assert extended is not None
            size = int.from_bytes(extended)
        payload = await self._bytes(size)
        return None if payload is None else Frame(head[0], payload)

    async def closed(self) -> Closed | None:
        """The gateway's close frame, passing over others before it; None where there was none."""
        while (frame := await self.frame()) is not None:
            if frame.opcode == CLOSE:
                return Closed(int.from_bytes(frame.payload[:2]), frame.payload[2:].decode())
        return None

    async def receive(self, most_bytes: int) -> bool:
        """Take up to so many bytes from the kernel, for ``frame`` to find; False at the end of the stream."""
        return await self._receive(most_bytes)

    async def gone(self) -> bytes:
        """Everything up to the end of the connection, by FIN or by RST."""
        try:
            while await self._receive():
                continue
        except ConnectionError:
            # A reset is one of the two ends that are waited for, and says no more than that.
            return self._received
        return self._received

    async def _bytes(self, size: int) -> bytes | None:
        while len(self._received) < size:
            if not await self._receive():
                return None
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    async def _receive(self, most_bytes: int = CHUNK_BYTES) -> bool:
        async with asyncio.timeout(DEADLINE_S):
            chunk = await asyncio.get_running_loop().sock_recv(self._socket, most_bytes)
        self._received += chunk
        return bool(chunk)
