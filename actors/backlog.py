"""The backlog: everything that waits for one client, in the order it came, with a lane for each topic.

It keeps count and order; what may wait at all is the mailbox's decision.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from actors.delivery import Delivery
from actors.lane import Gap, Lane
from actors.protocol.envelope import Seq, TopicName
from actors.runtime.overflow import OverflowPolicy

__all__ = ["Backlog", "Batch", "Lost"]


class Lost(NamedTuple):
    """Messages of ``topic`` behind ``after`` are lost; ``to`` follows, ``None`` where nothing did yet.

    ``dropped`` is ``None`` where history no longer knows how many there were.
    """

    topic: TopicName
    after: Seq
    to: Seq | None
    dropped: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes out next: ``items`` in order; ``live`` are those of them that no history had to give."""

    items: list[Delivery | Lost] = field(default_factory=list)
    live: list[Delivery] = field(default_factory=list)


class Backlog:
    """``policy_of`` names a topic's overflow policy when the topic first has to wait."""

    __slots__ = ("_lanes", "_next", "_order", "_policy_of", "bytes")

    def __init__(self, policy_of: Callable[[TopicName], OverflowPolicy]) -> None:
        self.bytes = 0
        self._policy_of = policy_of
        self._lanes: dict[TopicName, Lane] = {}
        self._order: OrderedDict[int, Lane] = OrderedDict()
        self._next = 0

    def __len__(self) -> int:
        return len(self._order)

    @property
    def is_at_rest(self) -> bool:
        """Nothing waits, nothing lost is still to be told, and no topic is behind."""
        return not self._lanes

    @property
    def topics(self) -> list[TopicName]:
        return list(self._lanes)

    def lane(self, topic: TopicName) -> Lane:
        lane = self._lanes.get(topic)
        if lane is None:
            lane = self._lanes[topic] = Lane(topic, self._policy_of(topic))
        return lane

    def find(self, topic: TopicName) -> Lane | None:
        return self._lanes.get(topic)

    def lanes(self) -> Iterable[Lane]:
        return self._lanes.values()

    def behind(self) -> Iterator[Lane]:
        return (lane for lane in self._lanes.values() if lane.behind is not None)

    def add(self, lane: Lane, delivery: Delivery, *, is_replay: bool = False) -> None:
        """Queue at the end. A replay was promised whole: nothing supersedes it."""
        self._next += 1
        self._order[self._next] = lane
        self.bytes += delivery.size
        lane.add(self._next, delivery, is_replay=is_replay)

    def supersede(self, lane: Lane, delivery: Delivery) -> Delivery | None:
        """Take out the older news that ``delivery`` replaces, if some waits."""
        number = lane.superseded_by(delivery)
        if number is None:
            return None
        del self._order[number]
        older = lane.supersede(number)
        self.bytes -= older.size
        return older

    def lose(self, lane: Lane, number: int) -> Delivery:
        """Drop a waiting message; a gap takes its place."""
        del self._order[number]
        lost = lane.lose(number)
        self.bytes -= lost.size
        return lost

    def waiting(self) -> list[Delivery]:
        """Every message that waits."""
        return [lane.entries[number].delivery for number, lane in self._order.items()]

    def take(self, about_bytes: int) -> Batch:
        """The oldest messages of about so many bytes, at least one, each behind what was lost before it."""
        batch = Batch()
        size = 0
        while self._order and size < about_bytes:
            number, lane = self._order.popitem(last=False)
            gap, is_replay = lane.entries[number].gap, lane.is_replay(number)
            delivery = lane.remove(number)
            if gap is not None:
                batch.items.append(Lost(lane.topic, gap.after, delivery.seq, gap.dropped))
            batch.items.append(delivery)
            if not is_replay:
                batch.live.append(delivery)
            size += delivery.size
            self._forget_if_at_rest(lane)
        self.bytes -= size
        if not self._order:
            batch.items.extend(self._take_tails())
        return batch

    def forget_messages(self, lane: Lane) -> list[Delivery]:
        """What waits in ``lane`` is not wanted from here any more."""
        forgotten = []
        for number in list(lane.entries):
            del self._order[number]
            forgotten.append(lane.remove(number))
        self.bytes -= sum(delivery.size for delivery in forgotten)
        lane.tail = None
        self._forget_if_at_rest(lane)
        return forgotten

    def forget(self, topic: TopicName) -> None:
        lane = self._lanes.get(topic)
        if lane is not None:
            lane.behind = None
            self.forget_messages(lane)

    def caught_up(self, lane: Lane) -> None:
        """``lane`` is live again."""
        lane.behind = None
        self._forget_if_at_rest(lane)

    def clear(self) -> None:
        self._lanes.clear()
        self._order.clear()
        self.bytes = 0

    def _take_tails(self) -> list[Lost]:
        """What was lost behind the last message that waited: nothing follows that could tell it."""
        tails: list[Lost] = []
        for lane in list(self._lanes.values()):
            tail: Gap | None = lane.tail
            if tail is not None:
                lane.tail = None
                tails.append(Lost(lane.topic, tail.after, None, tail.dropped))
                self._forget_if_at_rest(lane)
        return tails

    def _forget_if_at_rest(self, lane: Lane) -> None:
        if lane.is_at_rest:
            self._lanes.pop(lane.topic, None)
