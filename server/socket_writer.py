"""SocketWriter: every byte that goes out on one WebSocket, in order.

Implements ``actors.ports.Socket`` but for ``close``. While nothing waits, bytes go straight to the kernel;
what it does not take waits in Tornado's stream, and from then on everything queues behind it. Nobody else
may write to the stream after the handshake: a frame between two halves of another would be garbage.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from tornado.iostream import IOStream, StreamClosedError

from actors.meter import Meter
from actors.metrics import WS_SENT_BYTES

__all__ = ["SocketWriter"]

LATE_S = 1.0


def nobody() -> None:
    """Watches a writer until somebody does."""


def send_to_nobody(frame: bytes) -> int:
    """``send`` where the peer was gone before anything was said. Raises: OSError."""
    raise ConnectionResetError("the peer is gone")


class SocketWriter:
    """``blocked`` while the stream holds bytes; ``unsent_bytes`` counts each write until it is through.

    A write that is not through after ``stall_s`` seconds is a stall, however many bytes trickle. ``preface`` goes
    out with the first write: a system call less for each connection.
    """

    __slots__ = (
        "_begun",
        "_meter",
        "_on_change",
        "_on_stall",
        "_preface",
        "_send",
        "_stall_s",
        "_stream",
        "_unblocked",
        "_watchdog",
        "blocked",
        "send",
        "unsent_bytes",
    )

    def __init__(self, stream: IOStream, stall_s: float, meter: Meter, preface: bytes = b"") -> None:
        self._stream = stream
        self._send: Callable[[bytes], int] = send_to_nobody if stream.closed() else stream.socket.send
        self.send: Callable[[bytes], int] = self._send
        self.blocked = False
        self.unsent_bytes = 0
        self._stall_s = stall_s
        self._meter = meter
        # When each write began that is not through, the oldest first; an empty deque would weigh 760 bytes.
        self._begun: deque[float] | None = None
        self._preface = preface
        self._watchdog: asyncio.TimerHandle | None = None
        self._on_change: Callable[[], None] = nobody
        self._on_stall: Callable[[], None] = nobody
        self._unblocked: asyncio.Future[None] | None = None

    @property
    def unsent_since(self) -> float | None:
        return self._begun[0] if self._begun else None

    def watch(self, on_change: Callable[[], None], on_stall: Callable[[], None]) -> None:
        self._on_change = on_change
        self._on_stall = on_stall

    def write(self, frames: bytes | memoryview) -> None:
        """Send, or keep. On a connection that is gone this does nothing: its reader hears of it."""
        if self._stream.closed():
            return
        self._meter.add(WS_SENT_BYTES, len(frames))
        if self._preface:
            frames, self._preface = self._preface + frames, b""
        taken = 0
        if not self.blocked:
            try:
                taken = self._send(frames)  # type: ignore[arg-type]  # a memoryview serves as well
            except BlockingIOError:
                taken = 0
            except OSError as gone:
                self._stream.close(exc_info=gone)
                return
        if taken < len(frames):
            self._keep(memoryview(frames)[taken:])

    async def until_unblocked(self) -> None:
        """Returns once the kernel has taken everything, or the connection is gone."""
        if self.blocked:
            if self._unblocked is None:
                self._unblocked = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._unblocked)

    def _keep(self, rest: memoryview) -> None:
        try:
            written = self._stream.write(rest)
        except StreamClosedError:
            return
        if self._begun is None:
            self._begun = deque()
        self._begun.append(time.monotonic())
        self.unsent_bytes += len(rest)
        written.add_done_callback(self._taken)
        if not self.blocked:
            self.blocked = True
            self._watch_for_stalls(self._stall_s)
            self._on_change()

    def _taken(self, written: "asyncio.Future[None]") -> None:
        # A closed stream fails its writes: asking for the exception keeps asyncio from reporting it as missed.
        if not written.cancelled():
            written.exception()
        assert self._begun is not None
        self._begun.popleft()
        if self._begun:
            return
        self._begun = None
        self.unsent_bytes = 0
        self.blocked = False
        if self._unblocked is not None:
            self._unblocked.set_result(None)
            self._unblocked = None
        self._on_change()

    def _watch_for_stalls(self, delay_s: float) -> None:
        # One timer at a time, left running when the socket drains: most slow moments are short and many.
        if self._watchdog is None:
            due = time.monotonic() + delay_s
            self._watchdog = asyncio.get_running_loop().call_later(delay_s, self._look_for_stall, due)

    def _look_for_stall(self, due: float) -> None:
        self._watchdog = None
        if not self._begun or self._stream.closed():
            return
        now = time.monotonic()
        left_s = self._begun[0] + self._stall_s - now
        if now - due > LATE_S:
            # The gateway itself was away, and may have missed that the socket could take more.
            self._watch_for_stalls(max(left_s, LATE_S))
        elif left_s > 0:
            self._watch_for_stalls(left_s)
        else:
            self._on_stall()
