"""A TCP proxy that does to a connection what networks do: cut it, freeze it, delay it, or change what passes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

__all__ = ["TcpProxy", "tcp_proxy"]

CHUNK = 65_536


class TcpProxy:
    """Forwards to ``target`` on 127.0.0.1. ``change`` sees every chunk that the server sends, and may replace it."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.change: Callable[[bytes], bytes] = lambda chunk: chunk
        self.delay_s = 0.0
        self._is_cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> None:
        """End all connections, and every new one at once."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self._is_cut = False
        self._flows.set()

    def freeze(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._flows.clear()

    async def close(self) -> None:
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers |= {writer, far_writer}
        self._start(self._pump(reader, far_writer, self._unchanged))
        self._start(self._pump(far_reader, writer, lambda chunk: self.change(chunk)))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _unchanged(chunk: bytes) -> bytes:
        return chunk

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Callable[[bytes], bytes]
    ) -> None:
        with suppress(OSError):  # the other side has gone: so does this one
            while chunk := await reader.read(CHUNK):
                await self._flows.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(change(chunk))
                await writer.drain()
        self._writers.discard(writer)
        writer.close()


@asynccontextmanager
async def tcp_proxy(target: int) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(target)
    server = await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
        server.close()
