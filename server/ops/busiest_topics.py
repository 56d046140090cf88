"""Which topics have most subscribers, and which had most messages."""

from collections.abc import Callable, Sequence
from operator import attrgetter

from actors.directory import TopicDirectory
from actors.protocol.envelope import TopicName
from actors.runtime.overflow import OverflowPolicy
from actors.topic_state import TopicState
from server.ops.slices import SLICE, largest

__all__ = ["RANKED_S", "BusiestTopics"]

RANKED_S = 10.0


class BusiestTopics:
    """Owns the two orders. Each row is read anew at every look.

    Who is among the first is decided anew each time as well up to ``SLICE`` topics, and every ``RANKED_S`` seconds
    where there are more: everybody has a topic of their own, and to compare ten thousand takes milliseconds.
    """

    def __init__(self, directory: TopicDirectory, policy_of: Callable[[TopicName], OverflowPolicy]) -> None:
        self._directory = directory
        self._policy_of = policy_of
        self._ranked = float("-inf")
        self._by_subscribers: Sequence[TopicState] = ()
        self._by_messages: Sequence[TopicState] = ()

    async def look(self, now: float) -> dict[str, object]:
        """How many topics run, and the ``TOP`` of each order; ``now`` in monotonic seconds."""
        if len(self._directory) <= SLICE or now - self._ranked >= RANKED_S:
            self._ranked = now
            await self._rank()
        return {
            "total": len(self._directory),
            "by_subscribers": self._rows(self._by_subscribers),
            "by_messages": self._rows(self._by_messages),
        }

    async def _rank(self) -> None:
        states = list(self._directory.states())
        self._by_subscribers = await largest(states, lambda state: len(state.subscribers))
        self._by_messages = await largest(states, attrgetter("history.appended"))

    def _rows(self, states: Sequence[TopicState]) -> list[dict[str, object]]:
        """A topic that ended since it was ranked is left out."""
        return [self._row(state) for state in states if self._directory.find(state.name) is state.mailbox]

    def _row(self, state: TopicState) -> dict[str, object]:
        return {
            "topic": state.name,
            "subscribers": len(state.subscribers),
            "messages": state.history.appended,
            "depth": state.mailbox.depth,
            "bound": state.mailbox.max_messages,
            "history": len(state.history),
            "seq": state.history.top,
            "policy": self._policy_of(state.name).value,
        }
