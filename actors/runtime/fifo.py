"""A queue that weighs next to nothing while it is empty, which most queues of a quiet gateway are."""

from collections import deque
from typing import Generic, TypeVar

__all__ = ["Fifo"]

Item = TypeVar("Item")


class Fifo(Generic[Item]):
    """First in, first out. An empty deque has 760 bytes, and an idle connection with its user's topic four of them."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: deque[Item] | None = None

    def __len__(self) -> int:
        return 0 if self._items is None else len(self._items)

    def append(self, item: Item) -> None:
        if self._items is None:
            self._items = deque()
        self._items.append(item)

    def popleft(self) -> Item | None:
        """The oldest item; ``None`` where there is none."""
        items = self._items
        if items is None:
            return None
        item = items.popleft()
        if not items:
            self._items = None
        return item
