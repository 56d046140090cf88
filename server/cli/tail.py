"""``fanwire tail``: follows topics over a WebSocket, comes back after a lost connection, and resumes.

Owns the connection; what frames mean is decided in ``tail_session``, when to come back in ``back_off``.
"""

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, assert_never

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import ProtocolError, Seq, trace_id_from
from actors.protocol.messages import EARLIEST, Since
from server.auth import TOKEN_SUBPROTOCOL
from server.cli.back_off import StayAway, after_close
from server.cli.exit_codes import CommandFailed, ExitCode
from server.cli.gateway_address import GatewayAddress, add_address_arguments, address_from
from server.cli.tail_lines import gap_line, json_line, message_line
from server.cli.tail_session import Drain, Event, Gap, Greeting, Message, Refused, Rejoined, Reply, TailSession

__all__ = ["Tail", "configure", "parse_count", "parse_since", "run"]

CONNECT_TIMEOUT_S = 10.0
SUBPROTOCOL = "fanwire.v1"
# A connection that lasted this long was a good one: the next loss starts over with short waits.
LASTED_S = 5.0
MISSED_HEARTBEATS = 2

_DESCRIPTION = """\
Follow one or more topics: one line per message, flushed at once, until Ctrl+C. A lost connection is
made again and resumed where it was; messages that are gone for good are shown as a gap, never passed over."""

_EXAMPLES = """\
examples:
  fanwire tail thread:demo
  fanwire tail thread:demo host:vitals --since earliest
  fanwire tail thread:42 --json --count 10 | jq .data
  fanwire tail thread:42 --token "$(fanwire token --sub me --subscribe 'thread:*')"

exit codes: 0 Ctrl+C, or --count reached; 2 a topic or the request breaks a rule;
            4 the token or a topic was refused; 5 the gateway was not reachable to begin with"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("topics", metavar="TOPIC", nargs="+")
    parser.add_argument(
        "--since", type=parse_since, metavar="S", help="a seq, a message id, or earliest (default: now)"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="whole envelopes, one per line; after a lost connection the answer of topic system",
    )
    parser.add_argument("--count", type=parse_count, metavar="N", help="end after N messages")
    add_address_arguments(parser)


def parse_since(text: str) -> Since:
    """Raises: argparse.ArgumentTypeError."""
    if text == EARLIEST:
        return EARLIEST
    if text.isascii() and text.isdigit() and len(text) <= 16:
        return Seq(int(text))
    try:
        return trace_id_from(text)
    except ProtocolError:
        raise argparse.ArgumentTypeError("must be a seq, a message id (uuid4) or 'earliest'") from None


def parse_count(text: str) -> int:
    """Raises: argparse.ArgumentTypeError."""
    if text.isascii() and text.isdigit() and 0 < len(text) <= 12 and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError("must be a number of messages, 1 or more")


def run(arguments: argparse.Namespace) -> int:
    tail = Tail(
        address_from(arguments),
        TailSession(arguments.topics, arguments.since),
        write=_write_json if arguments.json else _write_line,
        note=_write_json if arguments.json else _said_already,
        count=arguments.count,
    )
    try:
        asyncio.run(tail.follow())
    except KeyboardInterrupt:
        # How a person ends this command; nothing has gone wrong.
        return ExitCode.OK
    return ExitCode.OK


def _write_json(envelope: Mapping[str, Any]) -> None:
    print(json_line(envelope), flush=True)


def _write_line(envelope: Mapping[str, Any]) -> None:
    print(message_line(envelope), flush=True)


def _said_already(frame: Mapping[str, Any]) -> None:
    """A person has read on stderr that the connection was lost, and what is missing."""


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Tail:
    """Connects, shows, reconnects. ``write`` gets each message, ``say`` what a person should know besides.

    ``note`` gets the gateway's answer on every connection but the first: a capture has to show where those begin.
    """

    def __init__(
        self,
        address: GatewayAddress,
        session: TailSession,
        *,
        write: Callable[[Mapping[str, Any]], None],
        note: Callable[[Mapping[str, Any]], None] = _said_already,
        count: int | None = None,
        say: Callable[[str], None] = _say,
    ) -> None:
        self._address = address
        self._session = session
        self._write = write
        self._note = note
        self._left = count
        self._say = say
        self._attempt = 0
        self._heartbeat_s = 30.0
        self._due: float | None = None  # the loop's time at which a draining gateway wants this client back

    async def follow(self) -> None:
        """Until ``count`` messages were shown. Raises: CommandFailed where coming back would not help."""
        loop = asyncio.get_running_loop()
        connection = await self._connect()
        while True:
            began = loop.time()
            await self._converse(connection)
            if self._left == 0:
                return
            if loop.time() - began >= LASTED_S:
                self._attempt = 0
            connection = await self._come_back(connection.close_code, connection.close_reason or "")

    async def _connect(self) -> WebSocketClientConnection:
        """Raises: CommandFailed where the handshake is refused or nobody answers."""
        token = self._address.token
        offered = [SUBPROTOCOL] if token is None else [SUBPROTOCOL, TOKEN_SUBPROTOCOL + token]
        request = HTTPRequest(self._address.socket_url, connect_timeout=CONNECT_TIMEOUT_S)
        try:
            return await websocket_connect(request, subprotocols=offered)
        except HTTPClientError as refused:
            code = ExitCode.DENIED if refused.code in (401, 403) else ExitCode.UNREACHABLE
            raise CommandFailed(code, f"{self._address.url}: {refused.code} {refused.message}") from None
        except (OSError, WebSocketError) as error:
            raise CommandFailed(
                ExitCode.UNREACHABLE, f"{self._address.url}: {error or type(error).__name__}; is a gateway there?"
            ) from None

    async def _converse(self, connection: WebSocketClientConnection) -> None:
        """Show what comes until the connection ends or enough was shown."""
        try:
            await self._send(connection, self._session.subscribe())
            while self._left != 0 and (text := await self._next_text(connection)) is not None:
                for event in self._session.take(json.loads(text)):
                    await self._act(connection, event)
        finally:
            connection.close()

    async def _next_text(self, connection: WebSocketClientConnection) -> str | None:
        """The next frame; None at the end, which a gateway that has gone silent has reached as well."""
        try:
            async with asyncio.timeout(MISSED_HEARTBEATS * self._heartbeat_s):
                message = await connection.read_message()
        except TimeoutError:
            self._say(f"no sign of life for {MISSED_HEARTBEATS * self._heartbeat_s:g} s")
            return None
        return message.decode() if isinstance(message, bytes) else message

    async def _act(self, connection: WebSocketClientConnection, event: Event) -> None:
        match event:
            case Message():
                self._show(event)
            case Gap():
                self._say(gap_line(event))
            case Rejoined():
                self._note(event.frame)
            case Reply():
                await self._send(connection, event.frame)
            case Refused():
                self._refused(event)
            case Greeting():
                self._heartbeat_s = event.heartbeat_s
            case Drain():
                self._due = asyncio.get_running_loop().time() + event.after_s
            case _:
                assert_never(event)

    def _show(self, message: Message) -> None:
        if self._left == 0:
            return
        self._write(message.envelope)
        if self._left is not None:
            self._left -= 1

    async def _send(self, connection: WebSocketClientConnection, frame: Mapping[str, object]) -> None:
        try:
            await connection.write_message(json.dumps(frame))
        except WebSocketError:
            # It has just closed: the next read says with which code.
            self._say("the connection closed while a frame was sent")

    def _refused(self, refused: Refused) -> None:
        """Raises: CommandFailed, unless trying again may help, which the gateway's own limits allow."""
        where = f"{refused.topic}: " if refused.topic else ""
        text = f"{where}{refused.code}: {refused.message}"
        match refused.code:
            case ErrorCode.OVERLOADED | ErrorCode.RATE_LIMITED | ErrorCode.INTERNAL:
                self._fail(ExitCode.UNREACHABLE, text)
            case ErrorCode.FORBIDDEN:
                self._fail(ExitCode.DENIED, text)
            case _:
                self._fail(ExitCode.USAGE, text)

    def _fail(self, code: ExitCode, text: str) -> NoReturn:
        raise CommandFailed(code, text)

    async def _come_back(self, code: int | None, reason: str) -> WebSocketClientConnection:
        """A new connection, however long that takes. Raises: CommandFailed where it would be closed again."""
        while True:
            decision = after_close(code, reason, self._attempt, random.random())  # noqa: S311 - spreads load
            why = f"closed {code or 'without a code'}{': ' if reason else ''}{reason}"
            if isinstance(decision, StayAway):
                raise CommandFailed(decision.exit_code, why)
            delay_s = decision.delay_s if self._due is None else max(0.0, self._due - asyncio.get_running_loop().time())
            self._say(f"{why}; back in {delay_s:.1f} s")
            self._attempt, self._due = self._attempt + 1, None
            await asyncio.sleep(delay_s)
            try:
                return await self._connect()
            except CommandFailed as failed:
                if failed.exit_code is not ExitCode.UNREACHABLE:
                    raise
                code, reason = None, failed.message
