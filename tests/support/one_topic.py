"""One topic of a real directory, and mailboxes that join it."""

from typing import Any

from actor_world import World, delivery
from client_boxes import mailbox_of
from fake_socket import FakeSocket
from loop_turns import turns, until

from actors.backlog import Lost
from actors.client_signals import WRITABLE
from actors.delivery import Delivery
from actors.directory import TopicSettings
from actors.protocol.envelope import TopicName
from actors.runtime.mailbox import Outcome
from actors.topic_requests import Join, Joined, Refill
from actors.topic_state import TopicMailbox

__all__ = ["Subscriber", "T", "Topic"]

T = TopicName("t")


class Subscriber:
    """A mailbox before a socket that takes everything, or nothing more after ``room`` bytes."""

    def __init__(self, room: int | None = None, *, max_messages: int = 1_000) -> None:
        self.socket = FakeSocket(room)
        self.mailbox = mailbox_of(self.socket, max_messages=max_messages, max_bytes=10**6)
        self.mailbox.attach(lambda: None)
        self.wants_more = False
        self.gaps: list[Lost] = []

    @property
    def seqs(self) -> list[int]:
        return [message["seq"] for message in self.socket.messages]

    def answers(self) -> list[Any]:
        """What this client's actor was told since the last look; what waits is written meanwhile."""
        taken = []
        while not self.mailbox.empty():
            message = self.mailbox.take()
            if message is not WRITABLE:
                taken.append(message)
            else:
                for waiting in self.mailbox.take_batch(10**6).items:
                    if isinstance(waiting, Delivery):
                        self.socket.write(waiting.frame)
                    else:
                        self.gaps.append(waiting)
                self.wants_more = bool(self.mailbox.take_refills()) or self.wants_more
        return taken


class Topic:
    """The topic ``t`` of a world of its own."""

    def __init__(self, *, finals: frozenset[str] = frozenset(), **settings: Any) -> None:
        self.world = World(finals={T: finals})
        bounds: dict[str, Any] = {
            "max_messages": 1_000,
            "max_control": 2_000,
            "history_messages": 50,
            "history_ttl_s": 600.0,
        }
        self.world.topic_settings = TopicSettings(**bounds | settings)
        self.seq = 0

    @property
    def mailbox(self) -> TopicMailbox:
        found = self.world.directory.mailbox_of(T)
        assert found is not None
        return found

    def is_running(self) -> bool:
        return self.world.directory.find(T) is not None

    def publish(self, count: int = 1) -> list[int]:
        """Messages with the positions 10, 20, 30 …"""
        seqs = []
        for _ in range(count):
            assert self.world.directory.route(delivery(self.seq + 10, self.seq)) is Outcome.QUEUED
            self.seq += 10
            seqs.append(self.seq)
        return seqs

    async def join(self, subscriber: Subscriber, since: Any = None) -> Joined:
        self.mailbox.control(Join(subscriber.mailbox, since))
        await until(lambda: not subscriber.mailbox.empty(), "Joined")
        [joined] = subscriber.answers()
        assert isinstance(joined, Joined)
        return joined

    async def catch_up(self, subscriber: Subscriber) -> int:
        """Give ``subscriber`` page after page until it is live; returns how many it took."""
        pages = 0
        while subscriber.wants_more:
            subscriber.wants_more = False
            self.mailbox.control(Refill(subscriber.mailbox))
            await self.rest()
            subscriber.answers()
            pages += 1
        return pages

    async def rest(self) -> None:
        await until(lambda: self.mailbox.empty(), "the topic to rest")
        await turns()
