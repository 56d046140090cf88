"""WsHarness: what a client expects, each with a deadline, and with all that happened in the message of a failure.

async with WsHarness(gateway, token, topics=["thread:42"]) as ws:
    packet = await ws.expect("thread_message_created", timeout=1)
"""

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol, runtime_checkable

from server.testing.capture import read_capture
from server.testing.captured_visits import Visit
from server.testing.client import Client
from server.testing.dialect import Closed
from server.testing.expectations import Frame, Wanted, Where, is_message, topic_of
from server.testing.replay import Replay

__all__ = ["WsHarness"]


@runtime_checkable
class Publisher(Protocol):
    """Who can publish: a gateway of the test, or a client whose token allows it."""

    def publish(self, topic: str, type: str, data: object = None, **more: object) -> Awaitable[object]: ...


class WsHarness(Client):
    """A ``Client`` with expectations. Every one of them raises ExpectationFailed, whose text is the transcript.

    ``timeout`` is in seconds everywhere; without it, that of the constructor holds.
    """

    async def expect(
        self, type: str, *, where: Where | None = None, topic: str | None = None, timeout: float | None = None
    ) -> Frame:
        """The first frame of that type that nobody has taken yet, there already or to come.

        Earlier frames of the same topic are passed over; those of other topics wait to be expected, because the
        gateway promises no order between topics. ``where``: fields that ``data`` has, or a function of the frame.
        """
        wanted = Wanted(type, topic, where)
        taken = await self._talk.until(lambda: self._talk.inbox.take(wanted), str(wanted), self._limit(timeout))
        self._make_room()
        return taken

    async def expect_sequence(
        self, wanted: Sequence[str | Wanted], *, topic: str | None = None, timeout: float | None = None
    ) -> list[Frame]:
        """The next messages (of ``topic``, else of all), exactly these and in this order, within ``timeout`` in all.

        A gap counts as a message of type ``gap``; the gateway's other frames do not count.
        """
        ends_at = asyncio.get_running_loop().time() + self._limit(timeout)
        items = [one if isinstance(one, Wanted) else Wanted(one) for one in wanted]
        taken: list[Frame] = []
        for number, item in enumerate(items, 1):
            expected = f"{item} as number {number} of {len(items)} in a sequence"
            left_s = max(0.0, ends_at - asyncio.get_running_loop().time())
            came = await self._talk.until(lambda: self._talk.inbox.next_message(topic), expected, left_s)
            if not item.matches(came):
                self._out_of_order(expected, item, came)
            self._talk.inbox.take_this(came)
            taken.append(came)
        self._make_room()
        return taken

    async def expect_nothing(
        self, *, for_s: float, type: str | None = None, topic: str | None = None, where: Where | None = None
    ) -> None:
        """No such message (any message or gap, if nothing is named) is unread now, or comes within ``for_s``."""
        wanted = Wanted(type, topic, where)
        expected = f"nothing like {wanted} for {for_s:g} s"
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + for_s
        while (left_s := ends_at - loop.time()) > 0:
            found = await self._talk.within(lambda: self._unwanted(wanted), expected, left_s)
            if found is not None:
                self._talk.fail(expected, f"there is {topic_of(found)} {found['type']} with {found['data']}")

    async def expect_close(
        self, code: int | None = None, *, reason: str | None = None, timeout: float | None = None
    ) -> Closed:
        """The gateway hangs up, with that code, and with ``reason`` in its words; frames before it are passed over."""
        expected = "the connection to be closed" + ("" if code is None else f" with {code}")
        closed = await self._talk.until(lambda: self._talk.closed, expected, self._limit(timeout), of_end=True)
        if code not in (None, closed.code) or (reason or "") not in closed.reason:
            wanted = expected if reason is None else f"{expected} and {reason!r}"
            self._talk.fail(wanted, f"it was closed {closed.code} {closed.reason}")
        return closed

    async def expect_position(self, seq: int, *, topic: str, timeout: float | None = None) -> None:
        """Every message up to the one at ``seq`` has come, or one behind it; all of them stay unread."""
        seqs = self._talk.positions.seqs

        def reached() -> bool | None:
            return True if seqs.get(topic, -1) >= seq else None

        await self._talk.until(reached, f"{topic} to be at {seq}", self._limit(timeout))

    def assert_no_gap(self) -> None:
        """Each topic's chain is whole: nothing was lost, repeated or late on any connection, by anybody's word."""
        if self._talk.positions.gaps:
            self._talk.fail("no gap in any topic", "; ".join(self._talk.positions.gaps))

    async def play(self, capture: str | Path, *, speed: float = 10.0, timeout: float | None = None) -> list[Frame]:
        """Publish what a browser saw, in its order and ``speed`` times as fast, and expect to see the same.

        ``capture``: a file that the debug overlay exported, or the output of ``fanwire tail --json``. Topics that are
        not followed yet are subscribed to. Where the capture lost its connection this client drops its own, and has
        to be told the same when it is back: recovered or not, and what it missed. Returns the messages, with a gap
        in front of those that came after a loss. Raises: BadCapture where the file is no such thing.
        """
        replay = Replay(read_capture(Path(capture)), speed)
        missing = [topic for topic in replay.topics if topic not in self._topics]
        if missing:
            await self.subscribe(*missing)
        seen: list[Frame] = []
        for number, visit in enumerate(replay.visits):
            if number > 0:
                await self._come_back(replay, visit)
            seen += await self._play(replay, visit, self._limit(timeout))
        if len(self.gaps) != replay.gaps:
            self._talk.fail("no gap but those of the capture", "; ".join(self.gaps))
        return seen

    async def _come_back(self, replay: Replay, visit: Visit) -> None:
        self.drop()
        await replay.publish_missed(visit, self._publish_for_replay)
        joined = await self.resume(lost=visit.lost)
        otherwise = replay.told_otherwise(visit, joined)
        if otherwise is not None:
            self._talk.fail(f"to be told, when back, as in the capture: {replay.told(visit)}", f"was told {otherwise}")

    async def _play(self, replay: Replay, visit: Visit, timeout_s: float) -> list[Frame]:
        """One connection of it."""
        publishing = asyncio.ensure_future(replay.publish_live(visit, self._publish_for_replay))
        watching = asyncio.ensure_future(self._watch(replay, visit, replay.lasts_s(visit) + timeout_s))
        try:
            await asyncio.wait({publishing, watching}, return_when=asyncio.FIRST_EXCEPTION)
            # A publish that was refused is why nothing came: it is asked first.
            for task in (publishing, watching):
                if task.done():
                    task.result()
        finally:
            await _ended(publishing, watching)
        return watching.result()

    async def _watch(self, replay: Replay, visit: Visit, timeout_s: float) -> list[Frame]:
        ends_at = asyncio.get_running_loop().time() + timeout_s
        seen: list[Frame] = []
        for topic in replay.topics:
            left_s = max(0.0, ends_at - asyncio.get_running_loop().time())
            seen += await self.expect_sequence(replay.wanted(visit, topic), topic=topic, timeout=left_s)
        return seen

    async def _publish_for_replay(self, topic: str, type: str, data: object, key: str | None) -> None:
        """As the gateway's own backend where this test has one, else as this client."""
        fields = {} if key is None else {"key": key}
        publisher = self._gateway if isinstance(self._gateway, Publisher) else self
        await publisher.publish(topic, type, data, **fields)

    def _unwanted(self, wanted: Wanted) -> Frame | None:
        return next((frame for frame in self._talk.inbox if is_message(frame) and wanted.matches(frame)), None)

    def _out_of_order(self, expected: str, wanted: Wanted, came: Frame) -> NoReturn:
        later = self._talk.inbox.find(wanted)
        behind = "" if later is None else f"; {wanted} came behind it"
        self._talk.fail(expected, f"out of order there is {topic_of(came)} {came['type']} with {came['data']}{behind}")

    def _limit(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else timeout

    def _make_room(self) -> None:
        if self._connection is not None and not self._talk.inbox.is_full:
            self._connection.has_room()


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
