"""The two connections of one life of the bus: publishes and live messages, and reads. One lost is both lost.

Apart, because a long history on its way must not keep a publish waiting.
"""

import asyncio
from collections.abc import Callable

from server.bus.jetstream.dial import Dial
from server.bus.jetstream.line import Line
from server.bus.jetstream.names import Names
from server.bus.jetstream.places import Places
from server.bus.jetstream.reader import Reader
from server.bus.jetstream.refusals import Refused
from server.bus.jetstream.streams import ensure_streams
from server.bus.life import LineLost, NotConnected, Timing
from server.config import HistoryConfig

__all__ = ["Connections"]


class Connections:
    """Live from ``open``, which makes the streams, until ``until_lost`` returns why; ``lose`` ends them.

    ``delivered`` says where in the stream ``reader`` may begin.
    """

    def __init__(
        self,
        dial: Dial,
        names: Names,
        largest: HistoryConfig,
        delivered: Places,
        on_overflow: Callable[[str], None],
        timing: Timing,
    ) -> None:
        self._names = names
        self._largest = largest
        self._timing = timing
        self.talk = Line(dial, on_overflow)
        self.reads = Line(dial, on_overflow)
        self.reader = Reader(self.reads, names, delivered)
        self.epoch: str | None = None

    async def open(self) -> None:
        """Raises: NotConnected, with what is wrong."""
        within_s = self._timing.answer_s
        try:
            await asyncio.gather(self.talk.open(within_s), self.reads.open(within_s))
            async with asyncio.timeout(within_s):
                self.epoch = await ensure_streams(self.reads, self._names, self._largest)
        except TimeoutError:
            raise NotConnected(f"no answer in {within_s:g} s") from None
        except (Refused, LineLost) as error:
            raise NotConnected(str(error)) from None

    async def until_lost(self) -> str:
        """Ping, and give up a connection that stays silent. Returns why it is lost."""
        lines = (self.talk, self.reads)
        pings = [asyncio.ensure_future(self._ping(line)) for line in lines]
        try:
            await asyncio.wait({line.lost for line in lines}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for ping in pings:
                ping.cancel()
        return next(line.lost.result() for line in lines if line.lost.done())

    async def _ping(self, line: Line) -> None:
        try:
            while True:
                await line.settled(self._timing.silence_s)
                await asyncio.sleep(self._timing.ping_s)
        except LineLost as lost:
            line.lose(str(lost))

    def on_lost(self, callback: Callable[[], object]) -> None:
        """``callback`` is called once one of them is lost."""
        self.talk.lost.add_done_callback(lambda _: callback())
        self.reads.lost.add_done_callback(lambda _: callback())

    def lose(self, why: str) -> None:
        self.talk.lose(why)
        self.reads.lose(why)

    async def close(self, why: str) -> None:
        self.lose(why)
        await asyncio.gather(self.talk.close(why), self.reads.close(why))
