"""Opening WebSocket connections in bulk: handshake, subscribe, wait for the answer. Owns no state.

Connections are opened a chunk at a time, and a chunk is answered before the next begins, so that no server's
accept backlog overflows.
"""

import socket

from bench.dialects import ENVELOPES, Dialect
from bench.dialogue import ERROR_MARK, HANDSHAKE_ACCEPT, READY_MARK
from bench.frames import client_frame

__all__ = ["CHUNK", "ServerRefused", "connect_publisher", "connect_subscribers"]

CHUNK = 100
_STALL_S = 30.0


class ServerRefused(Exception):
    """A server answered something else than what was asked of it.

    Fields: ``wanted`` (what was waited for) and ``answer`` (the bytes that came instead).
    """

    def __init__(self, wanted: str, answer: bytes) -> None:
        super().__init__(wanted, answer)
        self.wanted = wanted
        self.answer = answer

    def __str__(self) -> str:
        shown = self.answer[-300:].decode("utf-8", "replace") or "the end of the connection"
        return f"waited for {self.wanted}, got {shown!r}; run the server by hand and look at its log"


def connect_publisher(port: int, dialect: Dialect = ENVELOPES) -> socket.socket:
    """One open WebSocket to 127.0.0.1:``port``, with the greeting said and answered where there is one.

    Raises: ServerRefused when the upgrade is not accepted, OSError when there is no server.
    """
    connection = _send_handshake(port, dialect.publisher_handshake(port))
    _introduce([connection], [_finish_handshake(connection)], dialect.greeting)
    return connection


def connect_subscribers(port: int, count: int, dialect: Dialect = ENVELOPES) -> list[socket.socket]:
    """``count`` subscribed, non-blocking connections to 127.0.0.1:``port``, in the order they were opened.

    Raises: ServerRefused when an upgrade or a subscription is not accepted, OSError when there is no server.
    """
    opened: list[socket.socket] = []
    while len(opened) < count:
        opened += _connect_chunk(port, min(CHUNK, count - len(opened)), dialect)
    return opened


def _connect_chunk(port: int, count: int, dialect: Dialect) -> list[socket.socket]:
    chunk = [_send_handshake(port, dialect.subscriber_handshake(port)) for _ in range(count)]
    early = [_finish_handshake(connection) for connection in chunk]
    _introduce(chunk, early, dialect.subscribe)
    for connection in chunk:
        connection.setblocking(False)
    return chunk


def _introduce(chunk: list[socket.socket], early: list[bytes], text: str) -> None:
    """Say ``text`` on every connection and wait for the answers; ``early`` is what came before it was said."""
    if not text:
        return
    frame = client_frame(text.encode())
    for connection in chunk:
        connection.sendall(frame)
    for connection, received in zip(chunk, early, strict=True):
        _read_until(connection, received, READY_MARK.encode(), f"the answer to {text}")


def _send_handshake(port: int, handshake: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=_STALL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(handshake.encode())
    return connection


def _finish_handshake(connection: socket.socket) -> bytes:
    received = _read_until(connection, b"", b"\r\n\r\n", "the answer to the handshake")
    head, _, rest = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101") or HANDSHAKE_ACCEPT.encode() not in head:
        raise ServerRefused("HTTP 101 with the right Sec-WebSocket-Accept", received)
    return rest


def _read_until(connection: socket.socket, received: bytes, mark: bytes, wanted: str) -> bytes:
    while mark not in received:
        more = connection.recv(65_536)
        if not more or ERROR_MARK.encode() in more:
            raise ServerRefused(wanted, received + more)
        received += more
    return received
