"""A publisher and a reader at two gateways while a fault happens, and the offline check afterwards."""

import asyncio
from collections.abc import Awaitable, Callable

from gateways import RunningGateway, envelope
from loop_turns import until
from two_workers import Reader, resumed

__all__ = ["RECOVERY_S", "Publisher", "T", "survives"]

T = "t:a"
RECOVERY_S = 3.0


class Publisher:
    """Publishes at one worker until told to stop; ``acknowledged`` has what it got an answer for.

    Whatever is refused is sent again with the same id, as a good publisher does.
    """

    def __init__(self, worker: RunningGateway) -> None:
        self.worker = worker
        self.acknowledged: list[int] = []
        self.refusals: list[str] = []
        self._task = asyncio.ensure_future(self._publish())
        self._stopping = False

    async def _publish(self) -> None:
        while not self._stopping:
            message = envelope(T)
            while (answer := await self.worker.publish(message)).status != 200:
                assert answer.status == 503, answer
                self.refusals.append(answer.body["message"])
            self.acknowledged.append(answer.body["seq"])

    async def until_acknowledged(self, more: int) -> None:
        wanted = len(self.acknowledged) + more
        async with asyncio.timeout(RECOVERY_S):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(0)

    async def stop(self) -> list[int]:
        self._stopping = True
        async with asyncio.timeout(RECOVERY_S):
            await self._task
        return self.acknowledged

    async def end(self) -> None:
        """Whatever it is at: a publisher that a failed test leaves behind would fail the next one."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def survives(
    workers: tuple[RunningGateway, RunningGateway], fault: Callable[[Publisher], Awaitable[None]]
) -> tuple[Reader, Publisher]:
    """Publish at one worker and read at the other while ``fault`` happens; returns what was read and published."""
    one, two = workers
    reader, publisher = Reader(T), Publisher(one)
    tab = await reader.visit(two)
    try:
        await publisher.until_acknowledged(20)
        reading = asyncio.ensure_future(reader.read(tab, 2**53))
        await fault(publisher)
        await publisher.until_acknowledged(20)
        acknowledged = await publisher.stop()
    finally:
        await publisher.end()
    await until(lambda: reading.done() or reader.since >= acknowledged[-1], f"the end: {reader.since}")
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await resumed(reader, two, acknowledged[-1])
    reader.check(acknowledged)
    return reader, publisher
