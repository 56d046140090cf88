"""A TCP proxy between a browser and a gateway that can cut every connection, and that can keep WebSockets out."""

import asyncio
from types import TracebackType
from typing import Self

__all__ = ["CuttingProxy"]

CHUNK_BYTES = 65_536


class CuttingProxy:
    """Owns the connections through it. ``refuses_websockets``: an upgrade is hung up on, as some proxies do."""

    def __init__(self, gateway_port: int, *, refuses_websockets: bool = False) -> None:
        self._gateway_port = gateway_port
        self._refuses_websockets = refuses_websockets
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.upgrades_refused = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset every connection that goes through here now, without a close frame; new ones are welcome."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if self._refuses_websockets and b"upgrade: websocket" in head.lower():
                self.upgrades_refused += 1
                return
            await self._join(reader, writer, head)
        except (OSError, asyncio.IncompleteReadError):
            # Either side has hung up, which is what a proxy passes on by hanging up on the other.
            return
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        gateway_reader, gateway_writer = await asyncio.open_connection("127.0.0.1", self._gateway_port)
        self._writers.add(gateway_writer)
        try:
            gateway_writer.write(head)
            ways = [_pass(reader, gateway_writer), _pass(gateway_reader, writer)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._writers.discard(gateway_writer)
            gateway_writer.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
