"""WebSocket: one connection behind its handshake. Strict frames in, ordered bytes out, and a reason at the end.

Every violation has the close code that RFC 6455 names for it (§5.1, §7.4, §8.1), and the code gets through: what
the peer still sends is read and discarded for a moment, because closing a socket with unread input resets it
and takes the close frame along.

Tornado's own WebSocket classes are not used. They keep the handler, its request, the HTTP connection and nine
coroutines for as long as a browser tab is open, and start a task for each frame, which was nearly half of what an
idle connection weighed. The Autobahn run in the tests watches this one.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable
from typing import Protocol

from tornado.iostream import IOStream, StreamClosedError

from actors.meter import Meter
from actors.protocol.codes import CloseCode, close_reason
from actors.protocol.frame import CLOSE, PING, PONG, TEXT, frame_of
from server.frame_reader import BINARY, FrameReader, Received, Violation
from server.socket_writer import SocketWriter

__all__ = ["Delegate", "WebSocket", "close_payload_flaw"]

LINGER_S = 5.0  # for the peer's half of the closing handshake
LINGER_SHORT_S = 1.0  # where our close frame waits behind a stalled reader's backlog, or the peer was never let in

_REGISTERED = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
_READ_BYTES = 64 * 1024
_FRAME_WORK = 1024  # what a frame costs beside its bytes, in bytes
_WORK_PER_TURN = 32 * 1024  # so that a peer whose frames never end lets the others have the loop

log = logging.getLogger("fanwire.sockets")


class Delegate(Protocol):
    """Who acts on what one peer says."""

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """A message; the next frame is not read before the answer is done."""

    def on_sign_of_life(self) -> None:
        """A ping or a pong of the protocol."""

    def on_gone(self) -> None:
        """The connection is over; told once, and last."""


def close_payload_flaw(payload: bytes) -> tuple[CloseCode, str] | None:
    """How a peer's close frame breaks RFC 6455 §5.5.1 and §7.4, or None."""
    if not payload:
        return None
    if len(payload) == 1:
        return CloseCode.PROTOCOL_ERROR, "a close code has two bytes"
    code = int.from_bytes(payload[:2])
    if code not in _REGISTERED and not 3000 <= code <= 4999:
        return CloseCode.PROTOCOL_ERROR, "illegal close code"
    return None if _is_utf8(payload[2:]) else (CloseCode.INVALID_TEXT, "the close reason is not UTF-8")


class WebSocket(SocketWriter):
    """Implements ``actors.ports.Socket`` and reads for ``delegate``.

    ``preface`` is the handshake's answer: it goes out with the first write. ``close_code_came`` is the peer's own,
    None where it gave none.
    """

    __slots__ = (
        "_delegate",
        "_failed",
        "_frames",
        "_is_closing",
        "_linger_s",
        "_lingering",
        "_reading",
        "close_code_came",
        "close_code_sent",
        "close_frame_came",
        "was_closed_by_peer",
    )

    def __init__(
        self,
        stream: IOStream,
        delegate: Delegate,
        meter: Meter,
        *,
        preface: bytes = b"",
        max_frame_bytes: int,
        stall_s: float,
    ) -> None:
        super().__init__(stream, stall_s, meter, preface)
        self._delegate = delegate
        self._frames = FrameReader(max_frame_bytes)
        self._failed = False
        self._is_closing = False
        self._linger_s = LINGER_S
        self._lingering: asyncio.TimerHandle | None = None
        self.close_code_came: int | None = None
        self.close_code_sent: int | None = None
        self.close_frame_came = False
        self.was_closed_by_peer = False

    def begin(self) -> None:
        """Say what is still to be said of the handshake, and carry what comes to the delegate."""
        if self._preface:
            self.write(b"")
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        """Until the connection is over."""
        try:
            await self._read_frames()
        except StreamClosedError:
            self._is_closing = True
        except Exception:
            log.exception("a frame could not be handled: its connection is cut off")
        finally:
            self.cut_off()
            self._delegate.on_gone()

    def close(self, code: int | None, reason: str | None = None) -> None:
        """Begin or answer the closing handshake, and hang up in any case after a while."""
        if not self._is_closing:
            self._is_closing = True
            self.was_closed_by_peer = self.close_frame_came
            self.close_code_sent = None if code is None else int(code)
            payload = b"" if code is None else int(code).to_bytes(2)
            self.write(frame_of(CLOSE, payload + close_reason(reason or "").encode()))
        if self._lingering is None:
            linger_s = LINGER_SHORT_S if self.blocked else self._linger_s
            self._lingering = asyncio.get_running_loop().call_later(linger_s, self.cut_off)

    def turn_away(self, code: int, reason: str) -> None:
        """Close a connection that was opened only to say why it is not let in: it counts against no limit."""
        self._linger_s = LINGER_SHORT_S
        self.close(code, reason)

    def cut_off(self) -> None:
        """Hang up now, whatever the peer still has to say."""
        self._is_closing = True
        if self._lingering is not None:
            self._lingering.cancel()
        self._stream.close()

    async def _read_frames(self) -> None:
        """None while our answers to earlier ones wait, so that a peer's flood waits in its TCP."""
        work = 0
        while not self.close_frame_came or self._failed:
            await self.until_unblocked()
            frame = self._next_frame()
            if frame is None:
                if work:
                    # What has come already is read without a turn of the loop: a peer that answers quickly would
                    # keep the loop to itself, and its messages would wait for each other.
                    work = 0
                    await asyncio.sleep(0)
                read = await self._stream.read_bytes(_READ_BYTES, partial=True)
                if not self._failed:
                    self._frames.feed(read)
                continue
            unfinished = self._take(frame)
            if unfinished is not None:
                await unfinished
            work += _FRAME_WORK + len(frame.payload)
            if work >= _WORK_PER_TURN:
                work = 0
                await asyncio.sleep(0)

    def _next_frame(self) -> Received | None:
        if self._failed:
            return None
        try:
            return self._frames.next()
        except Violation as violation:
            self._fail(violation.code, violation.rule)
            return None

    def _take(self, frame: Received) -> Awaitable[None] | None:
        opcode, payload = frame
        if opcode == TEXT:
            return self._take_text(payload)
        if opcode == BINARY:
            return self._delegate.on_message(payload)
        if opcode == CLOSE:
            self._take_close(payload)
        else:
            # No pongs pile up: the next frame is not read before this one is on its way.
            if opcode == PING and not self._is_closing:
                self.write(frame_of(PONG, payload))
            self._delegate.on_sign_of_life()
        return None

    def _take_text(self, payload: bytes) -> Awaitable[None] | None:
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_TEXT, "a text frame must be UTF-8")
            return None
        return self._delegate.on_message(text)

    def _take_close(self, payload: bytes) -> None:
        """Echo the peer's code: RFC 6455 §5.5.1."""
        self.close_frame_came = True
        flaw = close_payload_flaw(payload)
        if flaw is not None:
            self._fail(*flaw)
            return
        self.close_code_came = int.from_bytes(payload[:2]) if payload else None
        self.close(self.close_code_came)

    def _fail(self, code: CloseCode, reason: str) -> None:
        """Close with ``code`` and believe nothing that still comes."""
        self._failed = True
        self.close(int(code), reason)
        if not self.blocked and not self._stream.closed():
            _end_output(self._stream)


def _end_output(stream: IOStream) -> None:
    """Half-close, so that the peer sees the end at once and need not wait for our time-out."""
    try:
        stream.socket.shutdown(socket.SHUT_WR)
    except OSError as gone:
        stream.close(exc_info=gone)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
