"""What a test waits for, and which of the frames that came it takes. Pure.

A gateway promises an order within a topic and none between topics (docs/protocol.md §8). So whoever takes a frame
passes over the earlier ones of the same topic, and leaves those of other topics to be taken later.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MOST_UNREAD", "Frame", "Inbox", "Wanted", "Where", "cut", "is_message", "short", "topic_of"]

Frame = dict[str, Any]
Where = Callable[[Frame], object] | Mapping[str, object]

MOST_UNREAD = 10_000
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Wanted:
    """A frame of ``type``, on ``topic`` if given.

    ``where``: fields that its ``data`` has at least, or a function of the whole frame that says yes.
    """

    type: str | None = None
    topic: str | None = None
    where: Where | None = None

    def matches(self, frame: Frame) -> bool:
        if self.type not in (None, frame["type"]) or self.topic not in (None, frame["topic"]):
            return False
        if self.where is None:
            return True
        if callable(self.where):
            return bool(self.where(frame))
        data = frame.get("data")
        if not isinstance(data, dict):
            return False
        return all(name in data and bool(data[name] == value) for name, value in self.where.items())

    def __str__(self) -> str:
        what = "any message" if self.type is None else self.type
        on = "" if self.topic is None else f" on {self.topic}"
        return f"{what}{on}{self._condition()}"

    def _condition(self) -> str:
        if self.where is None:
            return ""
        if callable(self.where):
            return f" where {getattr(self.where, '__name__', self.where)}"
        return f" where data has {short(dict(self.where))}"


class Inbox:
    """Owns the frames that came and that no expectation has taken or passed over yet."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    @property
    def is_full(self) -> bool:
        """Whoever fills it has to wait: a client under test is bounded like any other."""
        return len(self._frames) >= MOST_UNREAD

    def put(self, frame: Frame) -> None:
        self._frames.append(frame)

    def keep_messages(self) -> None:
        """Let go of the gateway's other frames, which were about a connection that is over."""
        self._frames = deque(filter(is_message, self._frames))

    def find(self, wanted: Wanted) -> Frame | None:
        """The first that matches, left where it is."""
        return next((frame for frame in self._frames if wanted.matches(frame)), None)

    def take(self, wanted: Wanted) -> Frame | None:
        """The first that matches, without it and the earlier ones of its topic from now on."""
        found = self.find(wanted)
        if found is not None:
            self._pass_over(found)
        return found

    def next_message(self, topic: str | None) -> Frame | None:
        """The first message or gap, of ``topic`` if given; left where it is."""
        return next((frame for frame in self._frames if is_message(frame) and topic in (None, topic_of(frame))), None)

    def take_this(self, taken: Frame) -> None:
        self._frames = deque(frame for frame in self._frames if frame is not taken)

    def _pass_over(self, taken: Frame) -> None:
        kept: deque[Frame] = deque()
        while (frame := self._frames.popleft()) is not taken:
            if frame["topic"] != taken["topic"]:
                kept.append(frame)
        self._frames.extendleft(reversed(kept))


def is_message(frame: Frame) -> bool:
    """A message, or the gap that stands where messages would have been; the gateway's other frames are not."""
    return bool(frame["topic"] != "system" or frame["type"] == "gap")


def topic_of(frame: Frame) -> str:
    """The topic that a message is of, or that a gap is in."""
    topic: str = frame["data"]["topic"] if frame["topic"] == "system" else frame["topic"]
    return topic


def short(value: object) -> str:
    """``value`` for people, cut to a line."""
    return cut(repr(value))


def cut(text: str) -> str:
    """The beginning of ``text``, and a sign where there is more."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
