"""The way to the StatsD daemon: owns one UDP socket, connected and non-blocking, and what went wrong on it.

UDP tells little: a closed port is heard of after the packet is gone, when the kernel got the refusal. So every
flush begins with asking what became of the one before.
"""

import errno
import os
import socket

from server.metrics.statsd_addresses import Addresses

__all__ = ["StatsdSocket"]


class StatsdSocket:
    """``open`` and ``send`` never wait and never raise because of the network: ``take_failure`` says what happened."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._socket: socket.socket | None = None
        self._failure: str | None = None
        self._refused = False

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def open(self, now: float) -> None:
        """Get ready for a flush at ``now`` (monotonic seconds), if the daemon has any address by now.

        What was refused since the last flush is a failure of this one; the next address is tried.
        """
        self._hear_of_refusals()
        if self._refused:
            self._refused = False
            self._addresses.pass_over_current()
            self.close()
        # A new socket after each look-up also leaves by the route, and from the address, that this machine has now.
        if self._addresses.refresh(now):
            self.close()
        if self._socket is None:
            self._connect()
        if self._socket is None:
            self._failure = self._failure or self._addresses.flaw(now)

    def send(self, packet: bytes) -> None:
        """Send, or lose the packet."""
        if self._socket is None:
            return
        try:
            self._socket.send(packet)
        except BlockingIOError:
            self._note("the socket's buffer is full")
        except OSError as error:
            self._refused = True
            self._note(_reason(error.errno))

    def take_failure(self) -> str | None:
        """The first thing that went wrong since the last call."""
        failure, self._failure = self._failure, None
        return failure

    def close(self) -> None:
        """Let go of the socket; ``open`` makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _hear_of_refusals(self) -> None:
        if self._socket is None:
            return
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._refused = True
            self._note(_reason(number))

    def _connect(self) -> None:
        """Take the first address that this machine has a route to, from the current one on."""
        for _ in range(len(self._addresses)):
            if self._try_current():
                return
            self._addresses.pass_over_current()

    def _try_current(self) -> bool:
        address = self._addresses.current
        assert address is not None
        try:
            candidate = socket.socket(address.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            self._note(_reason(error.errno))
            return False
        try:
            candidate.connect(address.where)
        except OSError as error:
            candidate.close()
            self._note(_reason(error.errno))
            return False
        self._socket = candidate
        return True

    def _note(self, reason: str) -> None:
        self._failure = self._failure or f"{self._addresses.current}: {reason}"


def _reason(number: int | None) -> str:
    if number == errno.ECONNREFUSED:
        return "no daemon listens there"
    return os.strerror(number) if number else "unknown error"
