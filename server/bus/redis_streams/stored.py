"""How a message and a position look in Redis. Pure."""

from collections.abc import Mapping
from typing import Any

from actors.ports import Top
from actors.protocol.codec import encode, parse
from actors.protocol.envelope import Envelope, ProtocolError, Seq, TraceId, stored_envelope
from server.bus.followed import Stored

__all__ = ["BadRecord", "heard", "page_from", "text_of", "top_from"]


class BadRecord(Exception):
    """Something that this bus did not write is where its messages are."""


def text_of(envelope: Envelope) -> bytes:
    """The message without its position, which is not known before Redis has stored it."""
    fields = envelope.as_json()
    del fields["seq"], fields["prev"]
    return encode(fields)


def heard(payload: bytes) -> Envelope:
    """A live message: ``seq prev text``. Raises: BadRecord."""
    try:
        seq, prev, text = payload.split(b" ", 2)
        return _envelope(text, int(seq), int(prev))
    except ValueError:
        raise BadRecord(payload[:40]) from None


def page_from(top: Any, entries: Any) -> Stored:
    """The answers to GET of the top and XRANGE of the stream. Raises: BadRecord."""
    return Stored(top_from(top), [_entry(entry) for entry in entries])


def top_from(answer: bytes | None) -> Top:
    """Raises: BadRecord."""
    if answer is None:
        return Top()
    seq, _, trace_id = answer.decode("ascii", "replace").partition(" ")
    if not seq.isdecimal():
        raise BadRecord(answer[:40])
    return Top(Seq(int(seq)), TraceId(trace_id))


def _entry(entry: Any) -> Envelope:
    try:
        entry_id, (_, prev, _, text) = entry
        return _envelope(text, int(entry_id.partition(b"-")[0]), int(prev))
    except (TypeError, ValueError):
        raise BadRecord(str(entry)[:40]) from None


def _envelope(text: bytes, seq: int, prev: int) -> Envelope:
    try:
        fields = parse(text)
        if isinstance(fields, Mapping):
            return stored_envelope(fields, Seq(seq), Seq(prev))
    except (ProtocolError, KeyError, TypeError):
        raise BadRecord(text[:40]) from None
    raise BadRecord(text[:40])
