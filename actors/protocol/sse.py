"""Server-sent events: what an EventSource reads, and the cursor with which it comes back. Pure.

Source: HTML Living Standard §9.2. Field values here never contain CR or LF: data is JSON, ids are made of digits.
"""

from collections.abc import Mapping, Sequence
from zlib import crc32

from actors.protocol.envelope import Seq, TopicName

__all__ = ["COMMENT", "ENDED", "BadCursor", "cursor_from", "cursor_of", "event", "retry"]

COMMENT = b":\n\n"
ENDED = "ended"
"""The id that the last event has where nobody shall come back; who does is answered 204, which ends it."""

_UNKNOWN = "-"


class BadCursor(ValueError):
    """A cursor that this gateway did not give out for these topics."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule

    def __str__(self) -> str:
        return f"last_event_id: {self.rule}"


def event(name: str, data: bytes, event_id: str | None = None) -> bytes:
    """One event; ``data`` must be a single line."""
    head = f"event: {name}\n" if event_id is None else f"event: {name}\nid: {event_id}\n"
    return b"%sdata: %s\n\n" % (head.encode(), data)


def retry(delay_ms: int) -> bytes:
    """How long an EventSource is to wait before it comes back."""
    return b"retry: %d\n\n" % delay_ms


def cursor_of(topics: Sequence[TopicName], positions: Mapping[TopicName, Seq]) -> str:
    """The position in every one of ``topics``, in their order: a stream's URL has the names already."""
    known = (positions.get(topic) for topic in topics)
    return ".".join([_fingerprint(topics), *(_UNKNOWN if seq is None else f"{seq:x}" for seq in known)])


def cursor_from(text: str, topics: Sequence[TopicName]) -> dict[TopicName, Seq]:
    """The positions that are known. Raises: BadCursor."""
    fingerprint, *positions = text.split(".")
    if fingerprint != _fingerprint(topics) or len(positions) != len(topics):
        raise BadCursor("is not one of these topics, in this order")
    return {topic: _seq_from(text) for topic, text in zip(topics, positions, strict=True) if text != _UNKNOWN}


def _fingerprint(topics: Sequence[TopicName]) -> str:
    return f"{crc32(' '.join(topics).encode()):08x}"


def _seq_from(text: str) -> Seq:
    is_hexadecimal = 0 < len(text) <= 14 and all(letter in "0123456789abcdef" for letter in text)
    if not is_hexadecimal:
        raise BadCursor("its positions must be hexadecimal numbers")
    seq = int(text, 16)
    if seq >= 2**53:
        raise BadCursor("its positions must be below 2^53")
    return Seq(seq)
