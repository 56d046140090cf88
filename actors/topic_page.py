"""A page of a topic's history, for somebody who does not subscribe: the question and its answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from actors.delivery import Delivery
from actors.history import History
from actors.protocol.envelope import Seq
from actors.protocol.messages import EARLIEST, Since

__all__ = ["PAGE_BYTES", "Page", "Read", "page_of"]

PAGE_BYTES = 1024 * 1024  # about: a page ends behind the message that crosses it


@dataclass(frozen=True, slots=True)
class Page:
    """``messages`` is None where history has lost ``after``, or never knew it; then ``oldest`` is what it still has."""

    messages: Sequence[Delivery] | None
    top: Seq
    oldest: Seq | None

    @property
    def is_complete(self) -> bool:
        """Whether nothing is behind this page."""
        return self.messages is not None and (not self.messages or self.messages[-1].seq == self.top)


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Answered, by None where the topic fails, once everything up to ``stored`` is in the history."""

    after: Since
    limit: int
    stored: Seq
    answer: "asyncio.Future[Page | None]"

    def reply(self, page: Page | None) -> None:
        if not self.answer.done():
            self.answer.set_result(page)


def page_of(history: History, after: Since, limit: int) -> Page:
    """At most ``limit`` messages behind ``after``, and not many more bytes than ``PAGE_BYTES``."""
    if after is None or after == EARLIEST:
        found: Sequence[Delivery] | None = history.everything(limit)
    else:
        found = history.after(after, limit)
    return Page(None if found is None else _cut(found), history.top, history.oldest)


def _cut(messages: Sequence[Delivery]) -> Sequence[Delivery]:
    size = 0
    for count, message in enumerate(messages, 1):
        size += message.size
        if size >= PAGE_BYTES:
            return messages[:count]
    return messages
