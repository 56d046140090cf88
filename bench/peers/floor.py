"""The floor where no C compiler is found: one non-blocking ``send()`` per subscriber from a Python loop.

Run as ``python -m bench.peers.floor PORT``. Owns its sockets and the list of subscribers. Costs more than the
C floor, so ratios to it are flattering; the report names which floor it used.
"""

import select
import socket
import sys

from bench.dialogue import HANDSHAKE_ACCEPT, HANDSHAKE_KEY, SUBPROTOCOL
from bench.frames import TEXT, server_frame

__all__ = ["Floor", "main"]

_WELCOME = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {HANDSHAKE_ACCEPT}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
).encode()
_SUBSCRIBED = server_frame(b'{"v":1,"topic":"system","type":"subscribed","data":{}}')


class Floor:
    """One listener, its connections and its subscribers, driven by one epoll."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self._poller = select.epoll()
        self._poller.register(self._listener, select.EPOLLIN)
        self._sockets: dict[int, socket.socket] = {}
        self._inbox: dict[int, bytes] = {}
        self._open: set[int] = set()
        self._subscribers: list[socket.socket] = []

    def serve_forever(self) -> None:
        """Accept, read and fan out until a signal ends the process."""
        while True:
            for fd, _ in self._poller.poll():
                if fd == self._listener.fileno():
                    self._accept()
                else:
                    self._read(fd)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._sockets[connection.fileno()] = connection
        self._inbox[connection.fileno()] = b""
        self._poller.register(connection, select.EPOLLIN)

    def _read(self, fd: int) -> None:
        try:
            received = self._sockets[fd].recv(131_072)
        except ConnectionResetError:
            received = b""
        if not received:
            self._forget(fd)
            return
        self._inbox[fd] += received
        take = self._take_frame if fd in self._open else self._take_handshake
        while take(fd):
            take = self._take_frame

    def _forget(self, fd: int) -> None:
        connection = self._sockets.pop(fd)
        self._poller.unregister(fd)
        self._open.discard(fd)
        self._subscribers = [other for other in self._subscribers if other is not connection]
        connection.close()

    def _take_handshake(self, fd: int) -> bool:
        request, ended, rest = self._inbox[fd].partition(b"\r\n\r\n")
        if not ended:
            return False
        if HANDSHAKE_KEY.encode() not in request:
            raise ValueError("Sec-WebSocket-Key: the floor answers only the sample key of RFC 6455 §1.3")
        self._sockets[fd].send(_WELCOME)
        self._open.add(fd)
        self._inbox[fd] = rest
        return bool(rest)

    def _take_frame(self, fd: int) -> bool:
        data = self._inbox[fd]
        if len(data) < 6:
            return False
        length, header = data[1] & 0x7F, 6
        if length == 126:
            length, header = int.from_bytes(data[2:4], "big"), 8
        if len(data) < header + length:
            return False
        self._inbox[fd] = data[header + length :]
        if data[0] & 0x0F == TEXT:
            self._handle(fd, _unmask(data[header - 4 : header], data[header : header + length]))
        return True

    def _handle(self, fd: int, text: bytes) -> None:
        if b'"system"' in text:
            self._subscribers.append(self._sockets[fd])
            self._sockets[fd].send(_SUBSCRIBED)
            return
        frame = server_frame(text)
        for subscriber in self._subscribers:
            subscriber.send(frame)


def _unmask(key: bytes, payload: bytes) -> bytes:
    stream = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(payload), "big")


def main() -> None:
    """Serve on 127.0.0.1 at the port in ``sys.argv[1]`` until a signal ends the process."""
    Floor(int(sys.argv[1])).serve_forever()


if __name__ == "__main__":
    main()
