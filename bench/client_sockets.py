"""Opening WebSocket connections in bulk: handshake, subscribe, wait for the answer. Owns no state.

Connections are opened a chunk at a time, and a chunk is answered before the next begins, so that no server's
accept backlog overflows.
"""

import socket

from bench.dialogue import (
    ERROR_MARK,
    HANDSHAKE_ACCEPT,
    HANDSHAKE_KEY,
    PATH,
    READY_MARK,
    SUBPROTOCOL,
    SUBSCRIBE,
)
from bench.frames import client_frame

__all__ = ["CHUNK", "ServerRefused", "connect", "connect_subscribers", "handshake"]

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


def connect(port: int) -> tuple[socket.socket, bytes]:
    """One open WebSocket to 127.0.0.1:``port`` and the bytes that already followed the handshake.

    Raises: ServerRefused when the upgrade is not accepted, OSError when there is no server.
    """
    connection = _send_handshake(port)
    return connection, _finish_handshake(connection)


def connect_subscribers(port: int, count: int) -> list[socket.socket]:
    """``count`` subscribed, non-blocking connections to 127.0.0.1:``port``, in the order they were opened.

    Raises: ServerRefused when an upgrade or a subscription is not accepted, OSError when there is no server.
    """
    opened: list[socket.socket] = []
    while len(opened) < count:
        opened += _connect_chunk(port, min(CHUNK, count - len(opened)))
    return opened


def handshake(port: int) -> str:
    """The upgrade request to 127.0.0.1:``port``, headers and the empty line after them."""
    return (
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {HANDSHAKE_KEY}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    )


def _connect_chunk(port: int, count: int) -> list[socket.socket]:
    chunk = [_send_handshake(port) for _ in range(count)]
    early = [_finish_handshake(connection) for connection in chunk]
    subscribe = client_frame(SUBSCRIBE.encode())
    for connection in chunk:
        connection.sendall(subscribe)
    for connection, received in zip(chunk, early, strict=True):
        _read_until(connection, received, READY_MARK.encode(), "the answer to subscribe")
        connection.setblocking(False)
    return chunk


def _send_handshake(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=_STALL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(handshake(port).encode())
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
