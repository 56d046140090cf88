"""What was said on a client's connections, one after the other, and waiting for what is said next.

Owns the transcript, the inbox, the positions, and how the last connection ended. Every wait has a deadline; what
makes waiting longer pointless (the connection has ended, nobody reads) ends it at once.
"""

import asyncio
import json
from collections.abc import Callable
from typing import NoReturn, TypeVar

from server.testing.dialect import Closed, Ended, Happening, Opened, Text, TurnedAway
from server.testing.expectations import Frame, Inbox
from server.testing.failure import ConnectionRefused, ExpectationFailed
from server.testing.positions import Positions
from server.testing.transcript import Transcript

__all__ = ["Conversation"]

T = TypeVar("T")


class Conversation:
    """``answer`` is called with each frame that the gateway sends, before any test sees it."""

    def __init__(self, answer: Callable[[Frame], None]) -> None:
        self.transcript = Transcript()
        self.inbox = Inbox()
        self.positions = Positions()
        self.hello: Frame | None = None
        self.closed: Closed | None = None
        self.turned_away: TurnedAway | None = None
        self.cursor = ""
        self.why_deaf: str | None = None
        self._answer = answer
        self._replies: dict[str, Frame | None] = {}
        self._changed = asyncio.Event()

    def begin(self, what: str) -> None:
        """A new connection. Messages that came on an old one did come, and can still be expected."""
        self.hello = self.closed = self.turned_away = self.why_deaf = None
        self.inbox.keep_messages()
        self._replies.clear()
        self.event(what)

    def take(self, happening: Happening) -> bool:
        """Note what has happened; whether there is room for more."""
        match happening:
            case Opened():
                self.event("connected")
            case Text(text, cursor):
                self.cursor = cursor or self.cursor
                self._take_frame(json.loads(text))
            case TurnedAway(status, reason):
                self.turned_away = happening
                self.event(f"answered {status} {reason}")
            case Ended(closed):
                self.closed = self.closed or closed
                self.event(f"closed {closed.code} {closed.reason}".rstrip())
        self._tell()
        return not self.inbox.is_full

    @property
    def story(self) -> str:
        """The transcript, and where it leaves this client."""
        seqs = self.positions.seqs
        at = ", ".join(f"{topic} at {seq}" for topic, seq in seqs.items()) or "none yet"
        gaps = "; ".join(self.positions.gaps) or "none"
        return f"{self.transcript}\npositions: {at}\ngaps: {gaps}"

    def sent(self, frame: Frame) -> None:
        self.transcript.sent(_now(), frame)

    def sent_raw(self, data: bytes) -> None:
        self.transcript.sent_raw(_now(), data)

    def event(self, text: str) -> None:
        self.transcript.event(_now(), text)

    def will_be_answered(self, request_id: str) -> None:
        """The frame whose ``re`` that is goes to whoever asked, and not into the inbox."""
        self._replies[request_id] = None

    def reply_to(self, request_id: str) -> Frame | None:
        return self._replies.get(request_id)

    async def until(self, look: Callable[[], T | None], expected: str, timeout_s: float, *, of_end: bool = False) -> T:
        """What ``look`` finds, now or later. ``of_end``: the end of the connection is no reason to give up.

        Raises: ExpectationFailed after ``timeout_s`` seconds, or as soon as it cannot come any more.
        """
        found = await self.within(look, expected, timeout_s, of_end=of_end)
        if found is None:
            self.fail(f"{expected} within {timeout_s:g} s", f"it did not come{self._what_came()}")
        return found

    async def within(
        self, look: Callable[[], T | None], expected: str, timeout_s: float, *, of_end: bool = False
    ) -> T | None:
        """As ``until``, but None after ``timeout_s`` seconds. Raises: ExpectationFailed where it cannot come."""
        try:
            async with asyncio.timeout(timeout_s):
                while (found := look()) is None:
                    self._give_up_if_hopeless(expected, of_end)
                    await self._changed.wait()
                return found
        except TimeoutError:
            return look()

    def fail(self, expected: str, instead: str) -> NoReturn:
        raise ExpectationFailed(expected, instead, self.story)

    def refuse_if_turned_away(self) -> None:
        """Raises: ConnectionRefused where the gateway did not let this client in."""
        if self.turned_away is not None:
            raise ConnectionRefused(self.turned_away.status, self.turned_away.reason, self.story)
        if self.closed is not None:
            raise ConnectionRefused(self.closed.code, self.closed.reason, self.story)

    def _take_frame(self, frame: Frame) -> None:
        self.transcript.received(_now(), frame)
        gap = self.positions.take(frame)
        if gap is not None:
            self.transcript.gap(_now(), gap)
        self._answer(frame)
        if frame["type"] == "hello" and frame["topic"] == "system":
            self.hello = frame
        if frame.get("re") in self._replies:
            self._replies[frame["re"]] = frame
        elif frame is not self.hello:
            self.inbox.put(frame)

    def _give_up_if_hopeless(self, expected: str, of_end: bool) -> None:
        if self.why_deaf is not None:
            self.fail(expected, self.why_deaf)
        if self.closed is not None and not of_end:
            self.fail(expected, f"the connection was closed: {self.closed.code} {self.closed.reason}".rstrip())

    def _what_came(self) -> str:
        unread = [f"{frame['topic']} {frame['type']}" for frame in self.inbox]
        if not unread:
            return ", and nothing else is unread"
        more = f" and {len(unread) - 5} more" if len(unread) > 5 else ""
        return f"; unread are {', '.join(unread[:5])}{more}"

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _now() -> float:
    return asyncio.get_running_loop().time()
