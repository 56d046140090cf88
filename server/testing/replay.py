"""A capture played again, one connection after the other: publishes in its order and pace, knows what is to be seen."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.testing.captured_visits import Captured, Visit
from server.testing.expectations import Frame, Wanted, short

__all__ = ["Publish", "Replay"]

Publish = Callable[[str, str, Any, str | None], Awaitable[object]]


class Replay:
    """``speed`` 10 plays ten seconds of a capture in one."""

    def __init__(self, visits: Sequence[Visit], speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, and is {speed}")
        self.visits = visits
        self._speed = speed

    @property
    def topics(self) -> list[str]:
        return list(dict.fromkeys(message.topic for visit in self.visits for message in visit.messages))

    @property
    def gaps(self) -> int:
        """How many gaps the client has been told of in the end: with the answer, and in each lost topic's place."""
        return sum(1 + len(visit.lost) for visit in self.visits if visit.lost)

    def lasts_s(self, visit: Visit) -> float:
        return max((message.at_s for message in visit.live), default=0.0) / self._speed

    async def publish_missed(self, visit: Visit, publish: Publish) -> None:
        """At once: nobody sees when."""
        for message in visit.missed:
            await _publish(message, publish)

    async def publish_live(self, visit: Visit, publish: Publish) -> None:
        """One after the other, each when it is due: waiting after each would add every delay to the next."""
        loop = asyncio.get_running_loop()
        first_s = visit.live[0].at_s if visit.live else 0.0
        begun = loop.time() - first_s / self._speed
        for message in visit.live:
            await asyncio.sleep(max(0.0, begun + message.at_s / self._speed - loop.time()))
            await _publish(message, publish)

    def wanted(self, visit: Visit, topic: str) -> list[Wanted]:
        """What has to be seen of ``topic`` on that connection, in order."""
        lost = [Wanted("gap", where={"topic": topic, "reason": "history"})] if topic in visit.lost else []
        return lost + [_wanted(message) for message in visit.messages if message.topic == topic]

    def told_otherwise(self, visit: Visit, joined: Mapping[str, Mapping[str, Any]]) -> str | None:
        """How the gateway's answer to a client that is back differs from the captured one; None where it does not."""
        told = [
            f"{topic}: recovered {joined[topic]['recovered']}, replayed {joined[topic]['replayed']}"
            for topic, recovered in visit.recovered.items()
            if (joined[topic]["recovered"], joined[topic]["replayed"]) != (recovered, _of(visit.missed, topic))
        ]
        return "; ".join(told) or None

    def told(self, visit: Visit) -> str:
        """The captured answer, in the same words."""
        return "; ".join(
            f"{topic}: recovered {recovered}, replayed {_of(visit.missed, topic)}"
            for topic, recovered in visit.recovered.items()
        )


async def _publish(message: Captured, publish: Publish) -> None:
    await publish(message.topic, message.type, message.data, message.key)


def _of(messages: Iterable[Captured], topic: str) -> int:
    return sum(message.topic == topic for message in messages)


def _wanted(message: Captured) -> Wanted:
    return Wanted(message.type, message.topic, _AsCaptured(message))


@dataclass(frozen=True, slots=True)
class _AsCaptured:
    message: Captured

    def __call__(self, frame: Frame) -> bool:
        return bool(frame["data"] == self.message.data and frame.get("key") == self.message.key)

    def __str__(self) -> str:
        return f"data is {short(self.message.data)}, as in the capture"
