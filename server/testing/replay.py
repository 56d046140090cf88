"""A capture played again: publishes its messages in their order and pace, and knows what has to be seen of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from server.testing.capture import Captured
from server.testing.expectations import Frame, Wanted, short

__all__ = ["Publish", "Replay"]

Publish = Callable[[str, str, Any, str | None], Awaitable[object]]


class Replay:
    """``speed`` 10 plays ten seconds of a capture in one."""

    def __init__(self, messages: Sequence[Captured], speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, and is {speed}")
        self._messages = messages
        self._speed = speed

    @property
    def topics(self) -> list[str]:
        return list(dict.fromkeys(message.topic for message in self._messages))

    @property
    def lasts_s(self) -> float:
        return self._messages[-1].at_s / self._speed

    async def publish_to(self, publish: Publish) -> None:
        """One after the other, each when it is due: waiting after each would add every delay to the next."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for message in self._messages:
            await asyncio.sleep(max(0.0, begun + message.at_s / self._speed - loop.time()))
            await publish(message.topic, message.type, message.data, message.key)

    def wanted(self, topic: str) -> list[Wanted]:
        """What has to be seen of ``topic``, in order."""
        return [
            Wanted(message.type, topic, _AsCaptured(message)) for message in self._messages if message.topic == topic
        ]


@dataclass(frozen=True, slots=True)
class _AsCaptured:
    message: Captured

    def __call__(self, frame: Frame) -> bool:
        return bool(frame["data"] == self.message.data and frame.get("key") == self.message.key)

    def __str__(self) -> str:
        return f"data is {short(self.message.data)}, as in the capture"
