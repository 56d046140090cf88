"""Following: the topics that this worker follows on a bus across a network."""

import asyncio
from collections.abc import Callable

from actors.ports import Placed, Top, TopicFull
from actors.protocol.envelope import Seq, TopicName
from server.bus.door import Door
from server.bus.followed import FollowedTopic, Store, Stored

__all__ = ["MAX_READS", "Following"]

MAX_READS = 64
RETRY_AFTER_S = 1


class Following:
    """Owns the table of them, and delivers through ``door``.

    Implements ``server.bus.followed.Store``: that of the bus, with ``MAX_READS`` of them reading at once. ``left``
    hears which topic nobody follows any more.
    """

    def __init__(self, store: Store, door: Door, left: Callable[[TopicName], None]) -> None:
        self._store = store
        self._door = door
        self._left = left
        self._topics: dict[TopicName, FollowedTopic] = {}
        self._reading = asyncio.Semaphore(MAX_READS)

    def follow(self, topic: TopicName) -> FollowedTopic:
        followed = FollowedTopic(topic, self, self._door, lambda: self._forget(followed))
        self._topics[topic] = followed
        return followed

    def get(self, topic: TopicName | None) -> FollowedTopic | None:
        return None if topic is None else self._topics.get(topic)

    def everything(self) -> list[FollowedTopic]:
        return list(self._topics.values())

    def top(self, topic: TopicName) -> Top:
        """As far as it is known here."""
        followed = self._topics.get(topic)
        return Top() if followed is None else Top(followed.last or Seq(0))

    def admit(self, topic: TopicName) -> None:
        """Raises: TopicFull, for a publish to a topic that runs here and has no room for it."""
        if topic in self._topics and not self._door.has_room(topic):
            raise TopicFull("topic: its mailbox is full", RETRY_AFTER_S)

    def note(self, topic: TopicName, placed: Placed) -> None:
        """This worker has published: where the live message gets lost, that is known all the same."""
        if (followed := self._topics.get(topic)) is not None and not placed.duplicate:
            followed.note(placed.seq)

    async def subscribe(self, topic: TopicName) -> None:
        await self._store.subscribe(topic)

    async def read(self, topic: TopicName, after: Seq, limit: int) -> Stored:
        async with self._reading:
            return await self._store.read(topic, after, limit)

    def _forget(self, followed: FollowedTopic) -> None:
        if self._topics.get(followed.topic) is followed:
            del self._topics[followed.topic]
            self._left(followed.topic)
