"""A lane: what waits of one topic for one client, the gap before each message, and how far behind it is."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from actors.delivery import Delivery
from actors.protocol.envelope import Seq, TopicName
from actors.runtime.overflow import OverflowPolicy, Waiting

__all__ = ["Entry", "Gap", "Lane"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that were lost: ``after`` is the position before the first of them.

    ``dropped`` is ``None`` where history no longer knows how many there were.
    """

    after: Seq
    dropped: int | None

    def then(self, later: "Gap | None") -> "Gap":
        """This gap and the one right behind it, as one."""
        if later is None:
            return self
        unknown = self.dropped is None or later.dropped is None
        return Gap(self.after, None if unknown else (self.dropped or 0) + (later.dropped or 0))


@dataclass(slots=True)
class Entry:
    """One waiting message, with what was lost right before it."""

    delivery: Delivery
    gap: Gap | None


class Lane:
    """Entries by number, oldest first. ``behind`` is the position to refill from, None while it is live.

    ``tail`` is what was lost after the last entry: the next message that is kept carries it.
    """

    __slots__ = ("_last_replay", "_number_of_key", "behind", "entries", "policy", "replays", "tail", "topic")

    def __init__(self, topic: TopicName, policy: OverflowPolicy) -> None:
        self.topic = topic
        self.policy = policy
        self.entries: OrderedDict[int, Entry] = OrderedDict()
        self.tail: Gap | None = None
        self.behind: Seq | None = None
        self.replays = 0  # entries that came from history, all in front of the others
        self._last_replay = 0
        self._number_of_key: dict[str, int] = {}

    @property
    def is_at_rest(self) -> bool:
        """Nothing is remembered here: the lane may be forgotten."""
        return not self.entries and self.tail is None and self.behind is None

    def __iter__(self) -> Iterator[Waiting]:
        """What waits, oldest first, as an overflow policy wants to see it."""
        return map(_waiting, self.entries.items())

    def __reversed__(self) -> Iterator[Waiting]:
        return map(_waiting, reversed(self.entries.items()))

    @property
    def bytes(self) -> int:
        return sum(entry.delivery.size for entry in self.entries.values())

    def add(self, number: int, delivery: Delivery, *, is_replay: bool = False) -> None:
        self.entries[number] = Entry(delivery, self.tail)
        self.tail = None
        if is_replay:
            self.replays += 1
            self._last_replay = number
        if self.policy is OverflowPolicy.LATEST and not (delivery.is_final or is_replay):
            self._number_of_key[delivery.subject] = number

    def is_replay(self, number: int) -> bool:
        """Whether that entry came from history: those are all in front of the others."""
        return number <= self._last_replay

    def superseded_by(self, delivery: Delivery) -> int | None:
        """The number of the waiting message that ``delivery`` is newer news than, under policy ``latest``."""
        return self._number_of_key.get(delivery.subject)

    def remove(self, number: int) -> Delivery:
        """Take an entry out without a trace: it was sent, or is not wanted from here."""
        entry = self.entries.pop(number)
        if self.is_replay(number):
            self.replays -= 1
        subject = entry.delivery.subject
        if self._number_of_key.get(subject) == number:
            del self._number_of_key[subject]
        return entry.delivery

    def supersede(self, number: int) -> Delivery:
        """Take an entry out for newer news; what was lost right before it is still to be told."""
        gap = self.entries[number].gap
        if gap is not None:
            self._put_gap_behind(number, gap)
        return self.remove(number)

    def lose(self, number: int) -> Delivery:
        """Take an entry out and leave a gap in its place."""
        entry = self.entries[number]
        lost = Gap(entry.delivery.prev, 1)
        lost = entry.gap.then(lost) if entry.gap else lost
        self._put_gap_behind(number, lost)
        return self.remove(number)

    def lose_newcomer(self, delivery: Delivery) -> None:
        lost = Gap(delivery.prev, 1)
        self.tail = self.tail.then(lost) if self.tail else lost

    def fall_behind(self, newcomer: Delivery) -> None:
        """Everything from the oldest waiting message on comes from history, when the socket has drained."""
        oldest = next(iter(self.entries.values()), None)
        if oldest is not None:
            self.behind = oldest.delivery.prev if oldest.gap is None else oldest.gap.after
        else:
            self.behind = newcomer.prev if self.tail is None else self.tail.after

    def _put_gap_behind(self, number: int, lost: Gap) -> None:
        following = next((entry for other, entry in self.entries.items() if other > number), None)
        if following is None:
            self.tail = lost.then(self.tail)
        else:
            following.gap = lost.then(following.gap)


def _waiting(item: tuple[int, Entry]) -> Waiting:
    number, entry = item
    return Waiting(number, entry.delivery.size, entry.delivery.is_final)
