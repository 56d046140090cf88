"""Servers of tests as processes of their own: on a free port, started when they answer, stopped by pid.

``ServerProcess`` owns nothing beyond its ``ChildProcess`` part but the port and the moment of readiness.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence

from server.testing.child_process import ChildProcess, ProcessError

__all__ = ["ChildProcess", "ProcessError", "ServerProcess", "free_port"]


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess(ChildProcess):
    """A server on a port of its own; ready when it logs ``ready``, or without that when it accepts.

    Each ``{port}`` in ``argv`` becomes the port, a free one unless given.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        port: int | None = None,
        ready: str | None = None,
        start_timeout_s: float = 15.0,
        env: Mapping[str, str] | None = None,
        stop_timeout_s: float = 10.0,
    ) -> None:
        self.port = free_port() if port is None else port
        filled = [part.replace("{port}", str(self.port)) for part in argv]
        super().__init__(filled, env=env, stop_timeout_s=stop_timeout_s)
        self._ready = ready
        self._start_timeout_s = start_timeout_s

    async def start(self) -> None:
        """Start the server and wait until it is ready. Raises: ProcessError with its log when it is not."""
        await super().start()
        try:
            if self._ready is None:
                await self._accepts()
            else:
                await self.wait_for_log(self._ready, timeout_s=self._start_timeout_s)
        except BaseException:
            await self.stop()
            raise

    async def _accepts(self) -> None:
        assert self._log_task is not None
        try:
            async with asyncio.timeout(self._start_timeout_s):
                while not await self._answers():
                    # Waits for the end of the process; the time-out is only the pace of the tries.
                    await asyncio.wait({self._log_task}, timeout=0.02)
                    if self._log_ended:
                        raise self.failure(f"ended before it accepted on port {self.port}")
        except TimeoutError:
            raise self.failure(f"did not accept on port {self.port} within {self._start_timeout_s} s") from None

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except ConnectionRefusedError:
            return False
        writer.close()
        await writer.wait_closed()
        return True
