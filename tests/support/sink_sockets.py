"""Many subscribers of one process on real connected sockets that nobody reads: what a huge fan-out costs.

``Sink`` implements ``actors.ports.Socket`` as far as a subscriber that always keeps up needs it.
"""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from actors.client_mailbox import ClientMailbox
from actors.meter import Meter
from actors.protocol.envelope import TopicName
from actors.runtime.overflow import OverflowPolicy

__all__ = ["Sink", "sinks"]

SPARE_FILES = 200
DROPPED_BY_PEER = 4 * 1024 * 1024  # more than a test sends to one of them


class Sink:
    """One end of a socket pair; the other end only exists, so that the kernel does all of its work."""

    def __init__(self) -> None:
        self.socket, self.peer = socket.socketpair()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, DROPPED_BY_PEER)
        self.send: Callable[[bytes], int] = self.socket.send
        self.blocked = False
        self.unsent_bytes = 0
        self.unsent_since: float | None = None
        self.mailbox = ClientMailbox(
            self, _disconnect, Meter(), time.monotonic, max_messages=500, max_bytes=1 << 20, max_topics=10
        )
        self.mailbox.attach(lambda: None)

    def watch(self, on_change: Callable[[], None], on_stall: Callable[[], None]) -> None:
        """Nothing ever changes here: a test never sends more than the kernel takes."""

    def write(self, frames: bytes | memoryview) -> None:
        raise AssertionError("a sink was sent more than its kernel takes")

    def close(self, code: int, reason: str) -> None:
        self.socket.close()
        self.peer.close()

    def received(self) -> bytes:
        """What reached the other end."""
        return self.peer.recv(DROPPED_BY_PEER, socket.MSG_DONTWAIT)


def _disconnect(topic: TopicName) -> OverflowPolicy:
    return OverflowPolicy.DISCONNECT


@contextmanager
def sinks(wanted: int) -> Iterator[list[Sink]]:
    """``wanted`` of them, or as many as this process may have files for, two each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = [Sink() for _ in range(min(wanted, (hard - SPARE_FILES) // 2))]
    try:
        yield opened
    finally:
        for sink in opened:
            sink.close(1000, "")
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
