"""A bare StatsD daemon: a UDP socket that keeps every line it gets. Nothing is answered, nothing is lost unread."""

import asyncio
import socket
from types import TracebackType
from typing import Self

__all__ = ["StatsdSink"]

PACE_S = 0.01


class StatsdSink:
    """Owns a UDP socket on a port of its own, the packets that came and their senders' ports.

    Leaving the context closes it. ``settings`` point a gateway at it.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, port))
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self.packets: list[bytes] = []
        self.senders: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    @property
    def settings(self) -> dict[str, object]:
        """What a gateway is told to send its metrics here, ten times a second."""
        return {"statsd.host": self.host, "statsd.port": self.port, "statsd.interval_s": 0.1}

    @property
    def lines(self) -> list[str]:
        """All that came so far, in order."""
        self._read()
        return [line for packet in self.packets for line in packet.decode().split("\n")]

    def total(self, name: str) -> float:
        """The sum of a counter, by its whole name (``fanwire.ws.connected``)."""
        values = (line.removeprefix(f"{name}:").partition("|") for line in self.lines if line.startswith(f"{name}:"))
        return sum(float(value) for value, _, kind in values if kind.startswith("c"))

    async def expect(self, part: str, *, timeout: float = 5.0) -> str:
        """The first line that contains ``part``, there already or to come. Raises: AssertionError after ``timeout``."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + timeout
        while (found := next((line for line in self.lines if part in line), None)) is None:
            if loop.time() >= ends_at:
                raise AssertionError(f"no StatsD line with {part!r} within {timeout:g} s; of {self.lines[-40:]}")
            # Not for the line, which may be there any time: only the pace of looking.
            await asyncio.sleep(PACE_S)
        return found

    def forget(self) -> None:
        self._read()
        self.packets.clear()

    def _read(self) -> None:
        while True:
            try:
                packet, (_, sender, *_) = self._socket.recvfrom(65_536)
            except BlockingIOError:
                return
            self.packets.append(packet)
            self.senders.append(sender)
