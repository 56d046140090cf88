"""How a message looks in JetStream: its text as the payload, its place in the headers. Pure."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, NamedTuple

from actors.ports import Placed, Top
from actors.protocol.codec import encode, parse
from actors.protocol.envelope import Envelope, ProtocolError, Seq, stored_envelope

__all__ = ["PREV", "SEQ", "STREAM_SEQ", "BadRecord", "Record", "placed_of", "raw_record", "text_of"]

SEQ = "Fanwire-Seq"
PREV = "Fanwire-Prev"
STREAM_SEQ = "Nats-Sequence"
_VERSION_LINE = b"NATS/1.0"


class BadRecord(Exception):
    """Something that this bus did not write is where its messages are."""


class Record(NamedTuple):
    """A stored message: ``stream_seq`` is where it is in its stream, 0 where only its position lives on."""

    stream_seq: int
    headers: Mapping[str, str]
    text: bytes

    @property
    def seq(self) -> Seq:
        """Raises: BadRecord."""
        return placed_of(self.headers).seq

    @property
    def top(self) -> Top:
        """Raises: BadRecord."""
        return Top(self.seq, self.envelope.id)

    @property
    def envelope(self) -> Envelope:
        """Raises: BadRecord."""
        placed = placed_of(self.headers)
        try:
            fields = parse(self.text)
            if isinstance(fields, Mapping):
                return stored_envelope(fields, placed.seq, placed.prev)
        except (ProtocolError, KeyError, TypeError, ValueError):
            raise BadRecord(self.text[:40]) from None
        raise BadRecord(self.text[:40])


def text_of(envelope: Envelope) -> bytes:
    """The message without its position, which may have to be given anew before JetStream takes it."""
    fields = envelope.as_json()
    del fields["seq"], fields["prev"]
    return encode(fields)


def placed_of(headers: Mapping[str, str]) -> Placed:
    """Raises: BadRecord."""
    try:
        return Placed(Seq(int(headers[SEQ])), Seq(int(headers[PREV])), duplicate=False)
    except (KeyError, ValueError):
        raise BadRecord("without a position") from None


def raw_record(message: Mapping[str, Any]) -> Record:
    """The answer to STREAM.MSG.GET. Raises: BadRecord."""
    try:
        lines = b64decode(message.get("hdrs", "")).split(b"\r\n")
        if lines[0] != _VERSION_LINE:
            raise BadRecord("without headers")
        pairs = (line.decode("utf-8", "replace").partition(":") for line in lines[1:] if line)
        headers = {name: value.strip() for name, _, value in pairs}
        return Record(int(message["seq"]), headers, b64decode(message.get("data", "")))
    except (KeyError, TypeError, ValueError):
        raise BadRecord("not readable") from None
