"""File descriptors: as many as the system allows, and what happens when they are used up all the same."""

import asyncio
import errno
import logging
import resource
import socket
from collections.abc import Callable

from tornado.httpserver import HTTPServer

__all__ = ["SPARE", "accept_from", "raise_file_limit"]

SPARE = 100  # descriptors beside those of connections: listeners, logs, the loop's own
ACCEPTS_PER_TURN = 128
PAUSE_S = 0.5

log = logging.getLogger("fanwire.descriptors")


def raise_file_limit(connections: int) -> None:
    """Raise the soft limit to the hard one, and say so where ``connections`` would still not fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < connections + SPARE:
        log.warning(
            "limits.connections is more than the system allows: raise the limit of open files (ulimit -Hn)",
            extra={"connections": connections, "open_files": hard},
        )


def accept_from(listener: socket.socket, server: HTTPServer) -> Callable[[], None]:
    """Give connections of ``listener`` to ``server``; returns what stops that, after a last look at who waits.

    Tornado's own accept loop raises for every turn of the loop once descriptors have run out, which burns a
    core and fills the log. Here accepting pauses for a moment, with one line, and those who are in are served.
    """
    loop = asyncio.get_running_loop()
    pausing: list[asyncio.TimerHandle] = []

    def accept() -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                connection, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as refused:
                if refused.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                pause(refused)
                return
            connection.setblocking(False)
            server._handle_connection(connection, address)

    def pause(refused: OSError) -> None:
        log.error("no connection can be accepted for a moment: %s", refused.strerror)
        loop.remove_reader(listener)
        pausing.append(loop.call_later(PAUSE_S, go_on))

    def go_on() -> None:
        pausing.clear()
        loop.add_reader(listener, accept)

    def stop() -> None:
        # Closing a listener resets whoever waits in its queue: they are to hear why, or get their answer.
        accept()
        loop.remove_reader(listener)
        for timer in pausing:
            timer.cancel()

    loop.add_reader(listener, accept)
    return stop
