"""What happened on a connection, line by line, for whoever has to find out why a test failed. Pure.

Tokens never get into it.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.testing.expectations import Frame, cut, short

__all__ = ["Entry", "Transcript"]

KEPT = 20_000
SHOWN = 200
_MARKS = {"in": "<-", "out": "->", "event": "--", "gap": "!!"}


@dataclass(frozen=True, slots=True)
class Entry:
    """At ``time`` (seconds on the loop's clock) ``text`` happened; ``frame`` where it was one from the gateway."""

    time: float
    kind: str
    text: str
    frame: Frame | None = None


class Transcript:
    """Owns the last entries, and counts those that it had to let go of."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0
        self._began: float | None = None

    def received(self, now: float, frame: Frame) -> None:
        self._add(Entry(now, "in", _frame_line(frame), frame))

    def sent(self, now: float, frame: Mapping[str, Any]) -> None:
        self._add(Entry(now, "out", _frame_line(_without_token(frame))))

    def sent_raw(self, now: float, data: bytes) -> None:
        self._add(Entry(now, "out", f"{len(data)} raw bytes {short(data)}"))

    def event(self, now: float, text: str) -> None:
        self._add(Entry(now, "event", text))

    def gap(self, now: float, text: str) -> None:
        self._add(Entry(now, "gap", f"gap: {text}"))

    def frames(self) -> Iterator[Frame]:
        """Every frame that came. Raises: OverflowError where the first ones are not kept any more."""
        if self._count > KEPT:
            raise OverflowError(f"more than {KEPT} things happened on this connection: its first frames are not kept")
        return (entry.frame for entry in self._entries if entry.frame is not None)

    def __str__(self) -> str:
        shown = list(self._entries)[-SHOWN:]
        left_out = self._count - len(shown)
        head = "what happened, in seconds since the connection was begun"
        more = f" ({left_out} earlier lines left out)" if left_out else ""
        return "\n".join([f"{head}{more}:", *(self._line(entry) for entry in shown)])

    def _add(self, entry: Entry) -> None:
        self._began = entry.time if self._began is None else self._began
        self._count += 1
        self._entries.append(entry)

    def _line(self, entry: Entry) -> str:
        return f"  {entry.time - (self._began or 0.0):9.3f}  {_MARKS[entry.kind]}  {entry.text}"


def _frame_line(frame: Mapping[str, Any]) -> str:
    fields = [f"{name}={frame[name]}" for name in ("seq", "prev", "key", "id", "re") if name in frame]
    data = cut(json.dumps(frame.get("data", {}), ensure_ascii=False))
    return " ".join([str(frame.get("topic")), str(frame.get("type")), *fields, data])


def _without_token(frame: Mapping[str, Any]) -> Mapping[str, Any]:
    data = frame.get("data")
    if frame.get("type") != "auth" or not isinstance(data, dict):
        return frame
    return {**frame, "data": {name: "********" if name == "token" else value for name, value in data.items()}}
