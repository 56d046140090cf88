"""The strict WebSocket protocol: Tornado's, made to say why it hangs up.

Tornado drops the connection without a word on most violations and is content with unmasked frames and
illegal close codes. Here each has the close code that RFC 6455 names for it (§5.1, §7.4, §8.1), and the
code gets through: what the peer still sends is read and discarded for a moment, because closing a socket
with unread input resets it and takes the close frame along.

This leans on private names of Tornado 6.6, which setup.cfg pins; the Autobahn run in the tests watches it.
"""

import asyncio
import socket
from typing import Any, TypeVar

from tornado.iostream import IOStream
from tornado.websocket import WebSocketProtocol13

from actors.meter import Meter
from actors.protocol.codes import CloseCode, close_reason
from actors.protocol.frame import CLOSE, PONG, TEXT, frame_of
from server.socket_writer import SocketWriter

__all__ = ["StrictWebSocketProtocol", "close_payload_flaw"]

LINGER_S = 5.0  # for the peer's half of the closing handshake
LINGER_SHORT_S = 1.0  # where our close frame waits behind a stalled reader's backlog, or the peer was never let in

_REGISTERED = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
_DISCARD_BYTES = 64 * 1024

Writer = TypeVar("Writer", bound=SocketWriter)


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


class StrictWebSocketProtocol(WebSocketProtocol13):
    """One server-side connection. ``writer`` is the only way out once the handshake is done."""

    def __init__(self, handler: Any, mask_outgoing: bool, params: Any, meter: Meter) -> None:
        super().__init__(handler, mask_outgoing, params)
        self._meter = meter
        self.close_code_sent: int | None = None
        self.close_frame_came = False
        self.was_closed_by_peer = False
        self._writer: SocketWriter | None = None
        self._linger_s = LINGER_S
        self._in_frame = False
        self._failed = False

    @property
    def writer(self) -> SocketWriter:
        if self._writer is None:
            self._writer = SocketWriter(self.stream, LINGER_S, self._meter)
        return self._writer

    def use_writer(self, writer: Writer) -> Writer:
        """Let everything go out through ``writer``; to be called before anything was written."""
        self._writer = writer
        return writer

    @property
    def handshake_is_flushed(self) -> bool:
        """False where a peer has not even read our handshake, or is gone: nothing may be written past it."""
        return not (self.stream.closed() or self.stream.writing())

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Begin or answer the closing handshake, and hang up in any case after a while."""
        if not self.server_terminated:
            self.was_closed_by_peer = self.close_frame_came
            self.close_code_sent = code
        super().close(code, None if reason is None else close_reason(reason))
        if self._waiting is not None and not self.client_terminated:
            self.stream.io_loop.remove_timeout(self._waiting)
            linger_s = LINGER_SHORT_S if self.writer.blocked else self._linger_s
            self._waiting = self.stream.io_loop.call_later(linger_s, self.cut_off)

    def turn_away(self, code: int, reason: str) -> None:
        """Close a connection that was opened only to say why it is not let in: it counts against no limit."""
        self._linger_s = LINGER_SHORT_S
        self.close(code, reason)

    def cut_off(self) -> None:
        """Hang up now, whatever the peer still has to say."""
        super()._abort()

    def _write_frame(self, fin: bool, opcode: int, data: bytes, flags: int = 0) -> "asyncio.Future[None]":
        """What Tornado itself has to say takes the same way out. Only whole frames, never compressed."""
        self.writer.write(frame_of(opcode, data))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def _receive_frame(self) -> None:
        """Read one frame; none while our answers to earlier ones wait, so that a peer's flood waits in its TCP."""
        if self._failed:
            await self.stream.read_bytes(_DISCARD_BYTES, partial=True)
            return
        await self.writer.until_unblocked()
        self._frame_mask = None
        self._in_frame = True
        try:
            await super()._receive_frame()
        finally:
            self._in_frame = False
        if self._frame_mask is None:
            self._fail(CloseCode.PROTOCOL_ERROR, "frames from a client must be masked")

    def _handle_message(self, opcode: int, data: bytes) -> "asyncio.Future[None] | None":
        if self._frame_mask is None or self._failed:
            return None
        if opcode == TEXT and not _is_utf8(data):
            self._fail(CloseCode.INVALID_TEXT, "a text frame must be UTF-8")
            return None
        self.close_frame_came = self.close_frame_came or opcode == CLOSE
        flaw = close_payload_flaw(data) if opcode == CLOSE else None
        if flaw is not None:
            self._fail(*flaw)
            return None
        return super()._handle_message(opcode, data)

    def _send_pong(self, data: bytes) -> None:
        # No pongs pile up: the next frame is not read before this one is on its way.
        if not self.server_terminated:
            self.writer.write(frame_of(PONG, data))

    def _abort(self) -> None:
        """Tornado's answer to a violation inside a frame, where the peer deserves a reason."""
        if self._in_frame and self.stream is not None and not self.stream.closed():
            self._fail(CloseCode.PROTOCOL_ERROR, "not a legal WebSocket frame")
        else:
            super()._abort()

    def _fail(self, code: CloseCode, reason: str) -> None:
        """Close with ``code`` and believe nothing that still comes."""
        if self._failed:
            return
        self._failed = True
        self.close(int(code), reason)
        if not self.writer.blocked and not self.stream.closed():
            _end_output(self.stream)


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
