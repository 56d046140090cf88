"""Many subscribers of one topic in one process, run by ``crowd.Crowd``: reads as fast as it can, and keeps account.

``alike``: everybody has to receive the very same bytes, so each is held against the longest stream so far, which
is parsed once; that makes thousands of frames per second and subscriber affordable. ``each``: everybody's own
stream is kept and parsed in the end, for subscribers to whom an overflow policy may do different things.
"""

import json
import selectors
import socket
import sys
from collections import Counter
from typing import Any

from crowd_account import Member, SharedStream, entries_of, spread, whole_frames
from wire import TEXT, RawClient, frame_bytes

__all__ = ["CrowdProgram", "main"]

CHUNK = 50  # connections that are opened at a time, so that no accept backlog overflows
READ_BYTES = 256 * 1024
CONNECT_S = 30.0


class CrowdProgram:
    """Owns the sockets; obeys lines on stdin: ``phase NAME``, ``report``."""

    def __init__(self, port: int, topic: str, count: int, *, alike: bool, window: int) -> None:
        self._shared = SharedStream() if alike else None
        self._selector = selectors.DefaultSelector()
        self._buffer = bytearray(READ_BYTES)
        self._members: list[Member] = []
        while len(self._members) < count:
            self._members += _connected(port, topic, min(CHUNK, count - len(self._members)), window)
        for member in self._members:
            self._take_early(member)
            self._selector.register(member.socket, selectors.EVENT_READ, member)
        self._selector.register(sys.stdin, selectors.EVENT_READ, None)

    def run(self) -> None:
        """Read until stdin ends."""
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._read(key.data)
                elif not self._obey(sys.stdin.readline()):
                    return

    def _take_early(self, member: Member) -> None:
        if self._shared is not None:
            early, member.stream = member.stream, self._shared.stream
            self._shared.take(member, memoryview(early))

    def _read(self, member: Member) -> None:
        try:
            size = member.socket.recv_into(self._buffer)
        except BlockingIOError:
            return
        except ConnectionError as cut:
            self._end(member, type(cut).__name__)
            return
        if size == 0:
            self._end(member, "FIN")
        elif self._shared is not None:
            self._shared.take(member, memoryview(self._buffer)[:size])
        else:
            member.stream += memoryview(self._buffer)[:size]

    def _end(self, member: Member, how: str) -> None:
        member.ended = how
        self._selector.unregister(member.socket)
        member.socket.close()

    def _obey(self, line: str) -> bool:
        match line.split():
            case []:
                return False
            case ["phase", name] if self._shared is not None:
                self._shared.phase = name
            case ["report"]:
                _say(self._report_of_all() if self._shared is not None else self._report_of_each())
            case other:
                raise SystemExit(f"no such command: {other}")
        return True

    def _report_of_all(self) -> dict[str, Any]:
        assert self._shared is not None
        shared = self._shared
        return {
            "frames": entries_of(shared.stream),
            "behind": [len(shared.stream) - member.position for member in self._members],
            "strays": [member.strays for member in self._members if member.strays],
            "ended": [member.ended for member in self._members if member.ended],
            "latencies": {phase: spread(values) for phase, values in shared.latencies.items() if values},
        }

    def _report_of_each(self) -> dict[str, Any]:
        """Those who fared the same are told once: ``members`` says how many they are."""
        fates = Counter((bytes(member.stream), member.ended) for member in self._members)
        return {
            "fates": [
                {"frames": entries_of(stream), "ended": ended, "members": members}
                for (stream, ended), members in fates.items()
            ]
        }


def _connected(port: int, topic: str, count: int, window: int) -> list[Member]:
    """``count`` subscribed members, the bytes that already follow the answer in their streams."""
    handshake = RawClient.handshake(port)
    body = {"v": 1, "id": "00000000-0000-4000-8000-000000000000", "topic": "system", "type": "subscribe"}
    subscribe = frame_bytes(TEXT, json.dumps({**body, "data": {"topics": [topic]}}).encode())
    members = [Member(_connection(port, window), bytearray()) for _ in range(count)]
    for member in members:
        member.socket.sendall(handshake + subscribe)
    for member in members:
        _skip_to_subscribed(member)
        member.socket.setblocking(False)
    return members


def _connection(port: int, window: int) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(CONNECT_S)
    if window:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    connection.connect(("127.0.0.1", port))
    return connection


def _skip_to_subscribed(member: Member) -> None:
    received = bytearray()
    while True:
        chunk = member.socket.recv(65_536)
        if not chunk:
            raise SystemExit(f"the gateway hung up: {bytes(received[-300:])!r}")
        received += chunk
        head, _, frames = received.partition(b"\r\n\r\n")
        for _, payload, end in whole_frames(frames):
            if b'"subscribed"' in payload:
                assert head.startswith(b"HTTP/1.1 101 "), head
                member.stream = frames[end:]
                return


def _say(report: dict[str, Any]) -> None:
    print(json.dumps(report, separators=(",", ":")), flush=True)


def main() -> None:
    """``crowd_program.py PORT TOPIC COUNT alike|each WINDOW``; says ``ready`` once everybody is subscribed."""
    port, topic, count, kind, window = sys.argv[1:]
    program = CrowdProgram(int(port), topic, int(count), alike=kind == "alike", window=int(window))
    _say({"ready": count})
    program.run()


if __name__ == "__main__":
    main()
