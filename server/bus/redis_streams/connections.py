"""The three connections of one life of the bus: publishes, reads, live messages. One lost is all lost.

Apart, because a long history on its way must not keep a publish waiting, and PUB/SUB wants its own.
"""

import asyncio
from collections.abc import Callable

from redis.exceptions import RedisError

from server.bus.life import LineLost, NotConnected, Timing
from server.bus.redis_streams.feed import Feed
from server.bus.redis_streams.line import Line
from server.bus.redis_streams.script import PUBLISH
from server.bus.redis_streams.wire import Dial

__all__ = ["Connections"]


class Connections:
    """Live from ``open`` until ``until_lost`` returns why; ``lose`` ends them."""

    def __init__(self, dial: Dial, channel: str, on_message: Callable[[str, bytes], None], timing: Timing) -> None:
        self._channel = channel
        self._timing = timing
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.writes = Line(dial, self.lose)
        self.reads = Line(dial, self.lose)
        self.feed = Feed(dial, on_message, self.lose)

    async def open(self) -> None:
        """Raises: NotConnected, with what is wrong."""
        try:
            async with asyncio.timeout(self._timing.answer_s):
                for part in (self.writes, self.reads, self.feed):
                    await part.open()
                await self.writes.ask("SCRIPT", "LOAD", PUBLISH)
                await self.reads.ask("PING")
                await self.feed.subscribe(self._channel)
        except TimeoutError:
            raise NotConnected(f"no answer in {self._timing.answer_s:g} s") from None
        except (RedisError, LineLost, OSError) as error:
            raise NotConnected(str(error)) from None

    async def until_lost(self) -> str:
        """Ping, and give up a connection that stays silent. Returns why it is lost."""
        loop = asyncio.get_running_loop()
        while not self._lost.done():
            self.feed.ping()
            await asyncio.wait({self._lost}, timeout=self._timing.ping_s)
            silence_s = loop.time() - self.feed.last_heard
            if silence_s > self._timing.silence_s:
                self.lose(f"silent for {silence_s:.1f} s")
        return self._lost.result()

    def on_lost(self, callback: Callable[[], object]) -> None:
        """``callback`` is called once they are lost."""
        self._lost.add_done_callback(lambda _: callback())

    def lose(self, why: str) -> None:
        if not self._lost.done():
            self._lost.set_result(why)

    async def close(self, why: str) -> None:
        self.lose(why)
        await asyncio.gather(*(part.close(why) for part in (self.writes, self.reads, self.feed)))
