"""What a client's mailbox has to do, in the plainest words: one list of what waits, searched from end to end."""

from collections import Counter
from collections.abc import Iterable

from model_topic import ModelTopic

from actors.client_signals import Overflowed, SlowEpisode
from actors.delivery import Delivery
from actors.runtime.mailbox import Outcome
from actors.runtime.overflow import OverflowPolicy

__all__ = ["ReferenceMailbox"]


class ReferenceMailbox:
    """``waiting`` is in the order in which it has to go out; ``control`` is what the actor has to be told."""

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.waiting: list[Delivery] = []
        self.behind: set[str] = set()
        self.control: list[object] = []
        self.policy_drops: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.dropped = 0
        self.high_water = 0
        self.is_closed = False
        self.is_slow = False
        self._newest: dict[tuple[str, str], Delivery] = {}

    @property
    def bytes(self) -> int:
        return sum(message.size for message in self.waiting)

    def of_topic(self, topic: str) -> list[Delivery]:
        return [message for message in self.waiting if message.topic == topic]

    def offer(self, topic: ModelTopic, message: Delivery, unsent: int) -> Outcome:
        """``unsent``: bytes in the socket's buffer. Returns what has to become of ``message``."""
        if self.is_closed:
            return Outcome.CLOSED
        if topic.name in self.behind:
            return Outcome.DEFERRED
        outcome = self._keep(topic, message, unsent)
        self.high_water = max(self.high_water, len(self.waiting))
        return outcome

    def took(self, messages: Iterable[Delivery]) -> None:
        """The actor has taken these to write them."""
        for message in messages:
            assert message is self.waiting.pop(0), f"{message} is out of turn"

    def refilled(self, topic: str, added: Iterable[Delivery], *, is_live: bool) -> None:
        for message in added:  # a replay was promised whole: nothing supersedes it
            self.waiting.append(message)
            if self._newest.get((message.topic, message.subject)) is message:
                del self._newest[message.topic, message.subject]
        if is_live:
            self.behind.discard(topic)
        self.high_water = max(self.high_water, len(self.waiting))

    def forget(self, topic: str) -> None:
        self.waiting = [message for message in self.waiting if message.topic != topic]
        self.behind.discard(topic)
        self.lost[topic] = 0

    def overflow(self, topic: ModelTopic) -> None:
        self.policy_drops[topic.policy] += len(self.waiting)
        self.is_closed = True
        self.waiting.clear()
        self.behind.clear()
        self.control.append(Overflowed(topic.name))

    def _keep(self, topic: ModelTopic, message: Delivery, unsent: int) -> Outcome:
        superseded = topic.policy is OverflowPolicy.LATEST and self._supersede(message)
        if superseded:
            self._note_slowness(topic)
            self.policy_drops[topic.policy] += 1
        if self._fits(message, unsent, self._share_of(topic)):
            self._add(message)
            return Outcome.SUPERSEDED if superseded else Outcome.QUEUED
        self._note_slowness(topic)
        return self._overflow(topic, message, unsent)

    def _overflow(self, topic: ModelTopic, message: Delivery, unsent: int) -> Outcome:
        match topic.policy:
            case OverflowPolicy.CATCH_UP:
                self.policy_drops[topic.policy] += len(self.of_topic(topic.name)) + 1
                self.waiting = [other for other in self.waiting if other.topic != topic.name]
                self.behind.add(topic.name)
                return Outcome.DEFERRED
            case OverflowPolicy.DROP_OLDEST if self._make_room(topic, message, self.of_topic(topic.name), unsent):
                return Outcome.DROPPED
            case OverflowPolicy.DROP_NEWEST if message.is_final and self._make_room(
                topic, message, self.of_topic(topic.name)[::-1], unsent
            ):
                return Outcome.DROPPED
            case OverflowPolicy.DROP_OLDEST | OverflowPolicy.DROP_NEWEST if not message.is_final:
                self._lose(topic)
                return Outcome.DROPPED
        self.policy_drops[topic.policy] += 1
        self.overflow(topic)
        return Outcome.OVERFLOWED

    def _make_room(self, topic: ModelTopic, message: Delivery, candidates: list[Delivery], unsent: int) -> bool:
        before, share = list(self.waiting), self._share_of(topic)
        for candidate in candidates:
            if self._fits(message, unsent, share):
                break
            if not candidate.is_final:
                self.waiting.remove(candidate)
        if not self._fits(message, unsent, share):
            self.waiting = before
            return False
        self._lose(topic, len(before) - len(self.waiting))
        self._add(message)
        return True

    def _supersede(self, message: Delivery) -> bool:
        older = self._newest.get((message.topic, message.subject))
        if older is None or older not in self.waiting:
            return False
        self.waiting.remove(older)
        return True

    def _add(self, message: Delivery) -> None:
        self.waiting.append(message)
        if not message.is_final:
            self._newest[message.topic, message.subject] = message

    def _lose(self, topic: ModelTopic, count: int = 1) -> None:
        self.lost[topic.name] += count
        self.dropped += count
        self.policy_drops[topic.policy] += count

    def _share_of(self, topic: ModelTopic) -> int:
        """Topics that may lose messages leave half of the mailbox to those that are being refilled."""
        may_lose = topic.policy in (OverflowPolicy.DROP_OLDEST, OverflowPolicy.DROP_NEWEST)
        return 2 if may_lose and self.behind else 1

    def _fits(self, message: Delivery, unsent: int, share: int) -> bool:
        messages, size = self.max_messages // share, self.max_bytes // share
        return len(self.waiting) < messages and self.bytes + unsent + message.size <= size

    def _note_slowness(self, topic: ModelTopic) -> None:
        if not self.is_slow:
            self.is_slow = True
            self.control.append(SlowEpisode((), len(self.waiting), topic.policy))
