"""A test's hold on many subscribers in another process, and a publisher that keeps its rate."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateways import envelope
from wire import PING, PONG, TEXT, RawClient

from server.testing.child_process import ChildProcess

__all__ = ["Crowd", "Publisher"]

PROGRAM = str(Path(__file__).with_name("crowd_program.py"))
REPORT_S = 60.0
SETTLE_S = 20.0


class Crowd(ChildProcess):
    """``count`` subscribers of ``topic``; ``alike`` where all of them must get the very same bytes."""

    def __init__(self, port: int, topic: str, count: int, *, alike: bool, window: int = 0) -> None:
        kind = "alike" if alike else "each"
        super().__init__([sys.executable, PROGRAM, str(port), topic, str(count), kind, str(window)], talks=True)
        self.count = count

    async def start(self) -> None:
        """Returns once everybody is subscribed."""
        await super().start()
        await self.read_line(timeout_s=REPORT_S)

    async def phase(self, name: str) -> None:
        """From now on latencies count under ``name``."""
        await self.write_line(f"phase {name}")

    async def report(self) -> Any:
        """What everybody has received so far; see ``crowd_program``."""
        await self.write_line("report")
        return json.loads(await self.read_line(timeout_s=REPORT_S))

    async def report_when(self, condition: Callable[[Any], object]) -> Any:
        """The first report that meets ``condition``. Raises: AssertionError with the last one where none does."""
        report = None
        try:
            async with asyncio.timeout(SETTLE_S):
                while not condition(report := await self.report()):
                    continue
        except TimeoutError:
            raise AssertionError(f"in {SETTLE_S:g} s it came to no more than {str(report)[:2000]}") from None
        return report

    def freeze(self) -> None:
        """Everybody stops reading, without a word."""
        self.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send_signal(signal.SIGCONT)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A process that is gone needs no signal; its log is shown with whatever failed for want of it.
        with contextlib.suppress(ProcessLookupError):
            self.thaw()
        await super().__aexit__(kind, error, trace)


class Publisher:
    """One connection that publishes numbered messages; ``seqs`` are the positions that the gateway answered."""

    def __init__(self, client: RawClient, topic: str, pad_bytes: int) -> None:
        self._client = client
        self._topic = topic
        self._pad = "x" * pad_bytes
        self._answers: asyncio.Task[None] | None = None
        self._pings: dict[bytes, float] = {}
        self.sent = 0
        self.seqs: list[int] = []
        self.round_trips: list[float] = []
        self.late_s = 0.0

    @classmethod
    async def connected(cls, port: int, topic: str, *, pad_bytes: int) -> Self:
        return cls(await RawClient.upgraded(port), topic, pad_bytes)

    async def __aenter__(self) -> Self:
        self._answers = asyncio.create_task(self._read_answers())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._answers is not None
        self._answers.cancel()
        await asyncio.gather(self._answers, return_exceptions=True)
        self._client.close()

    async def publish(self, count: int, per_s: float) -> Sequence[int]:
        """Publish ``count`` messages at a rate, each with a ping before it; returns when all are answered."""
        begun, first = time.monotonic(), self.sent
        for number in range(count):
            # The pace is what is wanted here, not an event that somebody waits for.
            await asyncio.sleep(max(0.0, begun + number / per_s - time.monotonic()))
            await self._ping()
            message = {"n": self.sent, "at": time.monotonic(), "pad": self._pad}
            await self._client.send(TEXT, json.dumps(envelope(self._topic, data=message)).encode())
            self.sent += 1
        self.late_s = time.monotonic() - begun - count / per_s
        async with asyncio.timeout(REPORT_S):
            while len(self.seqs) < self.sent:
                assert self._answers is not None and not self._answers.done(), self._answers
                await asyncio.wait({self._answers}, timeout=0.01)
        return self.seqs[first:]

    async def _ping(self) -> None:
        """Its answer shows how long the gateway's loop, at most, was away."""
        token = str(self.sent).encode()
        self._pings[token] = time.monotonic()
        await self._client.send(PING, token)

    async def _read_answers(self) -> None:
        while (frame := await self._client.frame()) is not None:
            if frame.opcode == PONG:
                self.round_trips.append(time.monotonic() - self._pings.pop(frame.payload))
            elif frame.opcode == TEXT:
                answer = json.loads(frame.payload)
                assert answer["type"] in ("hello", "published"), answer
                if answer["type"] == "published":
                    self.seqs.append(answer["data"]["seq"])
