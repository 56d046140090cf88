"""The measurement itself: one publisher, N subscribers, and a fixed number of messages outstanding.

Owns the connections of one run and counts what reaches each of them. A closed loop measures capacity and
the latency at that load; it cannot show what an open-loop arrival rate would meet (coordinated omission).
"""

import select
import socket
import time
from dataclasses import dataclass

from bench.client_sockets import ServerRefused
from bench.dialogue import COUNTER_DIGITS, DELIVERY_MARK, ERROR_MARK, ID_PREFIX, counter_offset
from bench.frames import CLOSE, PING, client_frame, client_pong, next_frame

__all__ = ["ClosedLoop", "LoopResult", "Stalled"]

_BUFFER_BYTES = 1 << 20
_STALL_S = 30.0
_DELIVERY = DELIVERY_MARK.encode()
_ERROR = ERROR_MARK.encode()
_ID = ID_PREFIX.encode()


@dataclass(frozen=True, slots=True)
class LoopResult:
    """What one window of publishing gave; times in the units named."""

    messages: int
    wall_s: float
    generator_cpu_s: float
    delivered_bytes: int
    latencies_us: list[int]


class Stalled(Exception):
    """Nothing arrived for 30 s though messages were outstanding; ``missing`` deliveries are lost."""

    def __init__(self, missing: int) -> None:
        super().__init__(missing)
        self.missing = missing

    def __str__(self) -> str:
        return f"{self.missing} deliveries did not arrive within {_STALL_S:g} s; see the server's own log"


class ClosedLoop:
    """Publishes through one connection, counts frames on all others, knows when the last has a message."""

    def __init__(self, publisher: socket.socket, subscribers: list[socket.socket], publish: str) -> None:
        self._publisher = publisher
        self._publisher_fd = publisher.fileno()
        self._sockets = {connection.fileno(): connection for connection in subscribers}
        self._received = dict.fromkeys(self._sockets, 0)
        self._unfinished: dict[int, bytes] = {}
        self._frame = bytearray(client_frame(publish.encode()))
        self._counter_at = len(self._frame) - len(publish.encode()) + counter_offset(publish)
        self._missing: list[int] = []
        self._started_ns: list[int] = []
        self._latencies_us: list[int] = []
        self._delivered_bytes = 0
        self._publishing = False
        self._stop_ns = 0
        self._stop_after = 0
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._poller = select.epoll()
        for connection in [publisher, *subscribers]:
            self._poller.register(connection, select.EPOLLIN)

    def run(self, outstanding: int, at_least: int, seconds: float) -> LoopResult:
        """Publish until ``at_least`` messages and ``seconds`` have passed, then wait for what is outstanding.

        Raises: Stalled when deliveries stop coming, ServerRefused when the server closes or answers an error.
        """
        first = len(self._missing)
        self._latencies_us, self._delivered_bytes = [], 0
        cpu_s, start_ns = time.process_time(), time.perf_counter_ns()
        self._stop_after, self._stop_ns = first + at_least, start_ns + int(seconds * 1e9)
        self._publishing = True
        for _ in range(outstanding):
            self._publish()
        while len(self._latencies_us) < len(self._missing) - first:
            self._receive()
        return LoopResult(
            messages=len(self._missing) - first,
            wall_s=(time.perf_counter_ns() - start_ns) / 1e9,
            generator_cpu_s=time.process_time() - cpu_s,
            delivered_bytes=self._delivered_bytes,
            latencies_us=self._latencies_us,
        )

    def _publish(self) -> None:
        number = len(self._missing)
        digits = f"{number:0{COUNTER_DIGITS}x}".encode()
        self._frame[self._counter_at : self._counter_at + COUNTER_DIGITS] = digits
        self._missing.append(len(self._sockets))
        self._started_ns.append(time.perf_counter_ns())
        self._publisher.sendall(self._frame)

    def _complete(self, number: int) -> None:
        now_ns = time.perf_counter_ns()
        self._latencies_us.append((now_ns - self._started_ns[number]) // 1000)
        self._publishing = self._publishing and (now_ns < self._stop_ns or len(self._missing) < self._stop_after)
        if self._publishing:
            self._publish()

    def _receive(self) -> None:
        # Hot path: about 4 µs per delivery, as the `load busy` column of bench.fan_out shows without cc;
        # the locals and the one shared buffer are what keeps it there.
        events = self._poller.poll(_STALL_S)
        if not events:
            raise Stalled(sum(self._missing))
        missing, received, unfinished, view = self._missing, self._received, self._unfinished, self._view
        for fd, _ in events:
            if fd == self._publisher_fd:
                self._read_publisher()
                continue
            kept = unfinished.pop(fd, b"")
            start = len(kept)
            view[:start] = kept
            end = start + self._sockets[fd].recv_into(view[start:])
            if end == start:
                raise ServerRefused("deliveries", b"")
            first = received[fd]
            count = self._count_deliveries(fd, end, first)
            received[fd] = first + count
            for number in range(first, first + count):
                missing[number] -= 1
                if not missing[number]:
                    self._complete(number)

    def _count_deliveries(self, fd: int, end: int, due: int) -> int:
        """How many deliveries, from message ``due`` on, the buffer holds; an unfinished frame is kept."""
        buffer, at, count = self._buffer, 0, 0
        while at < end:
            frame = next_frame(buffer, at, end)
            if frame is None:
                self._unfinished[fd] = bytes(buffer[at:end])
                break
            opcode, start, at = frame
            if buffer.find(_DELIVERY, start, at) >= 0:
                self._check_number(start, at, due + count)
                count += 1
                self._delivered_bytes += at - start
            elif opcode == CLOSE or buffer.find(_ERROR, start, at) >= 0:
                raise ServerRefused("deliveries", bytes(buffer[start:at]))
            elif opcode == PING:
                # Windows can be longer than a server waits for a sign of life.
                self._sockets[fd].send(client_pong(bytes(buffer[start:at])))
        return count

    def _check_number(self, start: int, end: int, due: int) -> None:
        # A count alone would take a loss and a repetition for two deliveries.
        digits = self._buffer.find(_ID, start, end) + len(_ID)
        if int(self._buffer[digits : digits + COUNTER_DIGITS], 16) != due:
            raise ServerRefused(f"message {due}", bytes(self._buffer[start:end]))

    def _read_publisher(self) -> None:
        answer = self._publisher.recv(65_536)
        if not answer or _ERROR in answer:
            raise ServerRefused("the answer to a publish", answer)
