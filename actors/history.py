"""The last messages of one topic, and what a returning subscriber has missed. Pure: takes ``now``, does no I/O."""

from collections.abc import Sequence

from actors.delivery import Delivery
from actors.ports import Top
from actors.protocol.envelope import Seq, TraceId

__all__ = ["History"]

_SLACK = 1024  # forgotten messages that may keep their place at the front before the list is cut


class History:
    """Bounded by messages and by age; the top position outlives its message.

    ``max_messages`` counts messages, ``ttl_s`` is an age in seconds, ``top`` the topic's last message before this
    history begins, ``appended`` counts all that came since then. ``_before`` is the id of the message before the
    oldest one that is kept, as far as it is known.
    """

    __slots__ = (
        "_arrived",
        "_before",
        "_first",
        "_messages",
        "_order_of_id",
        "_order_of_seq",
        "_start",
        "appended",
        "max_messages",
        "top",
        "top_id",
        "ttl_s",
    )

    def __init__(self, *, max_messages: int, ttl_s: float, top: Top) -> None:
        self.max_messages = max_messages
        self.ttl_s = ttl_s
        self.top, self.top_id = top
        self.appended = 0
        self._before = top.id
        # Lists with a moving start, not deques: a page from the middle is one slice, and an empty one weighs little.
        self._messages: list[Delivery | None] = []
        self._arrived: list[float] = []  # of each message, at the same place
        self._start = 0
        self._first = 0  # the running number of the oldest message that is kept
        self._order_of_seq: dict[Seq, int] = {}
        self._order_of_id: dict[TraceId, int] = {}

    def __len__(self) -> int:
        return len(self._messages) - self._start

    @property
    def oldest(self) -> Seq | None:
        first = self._oldest_message
        return first.seq if first is not None else None

    def append(self, delivery: Delivery, now: float) -> None:
        """Keep the newest message; ``now`` in monotonic seconds."""
        if len(self) >= self.max_messages:
            self.expire(now)
        while (kept := len(self)) and kept >= self.max_messages:
            self._forget_oldest()
        self.top, self.top_id = delivery.seq, delivery.id
        self.appended += 1
        if self.max_messages == 0:
            self._before = delivery.id
            return
        order = self._first + kept
        self._messages.append(delivery)
        self._arrived.append(now)
        self._order_of_seq[delivery.seq] = order
        self._order_of_id[delivery.id] = order

    def expire(self, now: float) -> None:
        """Forget what is older than ``ttl_s``."""
        while self and now - self._arrived[self._start] > self.ttl_s:
            self._forget_oldest()

    def everything(self, limit: int | None = None) -> Sequence[Delivery]:
        """All messages that are kept, oldest first, or the first ``limit`` of them."""
        return self._from(0, limit)

    def after(self, position: Seq | TraceId, limit: int | None = None) -> Sequence[Delivery] | None:
        """The messages behind ``position``, oldest first; ``None`` where that cannot be said.

        A position is good if it is a link of the chain: a message that is kept, the one before the oldest
        kept, or the top. Anything else (forgotten, lost in a failover, made up) is not.
        """
        index = self._index_after(position)
        return None if index is None else self._from(index, limit)

    def position_of(self, trace_id: TraceId) -> Seq | None:
        """Where the message of that id stands, if it is kept or the top."""
        if trace_id == self.top_id:
            return self.top
        order = self._order_of_id.get(trace_id)
        message = None if order is None else self._messages[self._start + order - self._first]
        return None if message is None else message.seq

    def count_after(self, position: Seq | TraceId) -> int | None:
        """How many messages ``after`` has, without taking them out."""
        index = self._index_after(position)
        return None if index is None else len(self) - index

    @property
    def _oldest_message(self) -> Delivery | None:
        return self._messages[self._start] if self else None

    def _index_after(self, position: Seq | TraceId) -> int | None:
        if position in (self.top, self.top_id):
            return len(self)
        order = self._order_of_id.get(position) if isinstance(position, str) else self._order_of_seq.get(position)
        if order is not None:
            return order - self._first + 1
        first = self._oldest_message
        return 0 if first is not None and position in (first.prev, self._before) else None

    def _from(self, index: int, limit: int | None) -> Sequence[Delivery]:
        start = self._start + index
        end = None if limit is None else start + limit
        return tuple(message for message in self._messages[start:end] if message is not None)

    def _forget_oldest(self) -> None:
        gone = self._messages[self._start]
        assert gone is not None
        self._messages[self._start] = None
        self._start += 1
        self._first += 1
        if self._start > _SLACK and self._start > len(self):
            del self._messages[: self._start], self._arrived[: self._start]
            self._start = 0
        self._before = gone.id
        del self._order_of_seq[gone.seq]
        # An id may come back after the five minutes in which it is a key: the newer one keeps its entry.
        if self._order_of_id.get(gone.id, self._first) < self._first:
            del self._order_of_id[gone.id]
