"""The envelope: what every message is on every wire, and the rules of its fields."""

import os
import random
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, NewType

from actors.protocol.codes import ErrorCode

__all__ = [
    "KEY_MAX_CHARACTERS",
    "SYSTEM",
    "TOPIC_RULE",
    "TYPE_RULE",
    "VERSION",
    "Envelope",
    "ProtocolError",
    "Seq",
    "TopicName",
    "TraceId",
    "envelope_from",
    "namespace_of",
    "new_frame_id",
    "new_trace_id",
    "publishable_topic",
    "stored_envelope",
    "topic_flaw",
    "trace_id_from",
]

VERSION = 1

TopicName = NewType("TopicName", str)
"""1–255 bytes of ``[A-Za-z0-9_.:@/-]``: a namespace, or ``namespace:rest``."""

TraceId = NewType("TraceId", str)
"""A uuid4 as text: one id from publish to every browser."""

Seq = NewType("Seq", int)
"""A message's position in its topic: strictly increasing, not dense, below 2^53."""

SYSTEM = TopicName("system")

# \Z and not $: a dollar would let a trailing line feed through, and with it a second log line.
TOPIC_RULE = re.compile(r"[A-Za-z0-9_.:@/-]{1,255}\Z")
TYPE_RULE = re.compile(r"[a-z0-9_.]{1,64}\Z")
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z", re.IGNORECASE)
KEY_MAX_CHARACTERS = 128

# What the gateway and the bus fill in: a publisher's own values for these are not kept.
_SET_HERE = frozenset({"v", "id", "topic", "type", "ts", "data", "seq", "prev", "key", "re"})


class ProtocolError(Exception):
    """A frame or body that breaks a rule: ``code`` for programs, ``field`` and ``rule`` for people."""

    def __init__(self, code: ErrorCode, field_name: str, rule: str) -> None:
        super().__init__(code, field_name, rule)
        self.code = code
        self.field_name = field_name
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.field_name}: {self.rule}"


_NOTHING_MORE: Mapping[str, object] = MappingProxyType({})


class Envelope(NamedTuple):
    """One message. ``seq`` and ``prev`` are 0 until the bus has placed it.

    ``ts`` is the Unix time of acceptance in seconds; ``extra`` holds the publisher's fields that this
    version does not know: they travel on unchanged. A tuple, since two are made for each message: a frozen
    dataclass takes four times as long.
    """

    id: TraceId
    topic: TopicName
    type: str
    ts: float
    data: object
    key: str | None = None
    extra: Mapping[str, object] = _NOTHING_MORE
    seq: Seq = Seq(0)
    prev: Seq = Seq(0)

    def placed(self, seq: Seq, prev: Seq) -> "Envelope":
        return Envelope(self.id, self.topic, self.type, self.ts, self.data, self.key, self.extra, seq, prev)

    def as_json(self) -> dict[str, object]:
        """The object that goes over the wire, in the order people like to read it."""
        json: dict[str, object] = {
            "v": VERSION,
            "id": self.id,
            "topic": self.topic,
            "type": self.type,
            "ts": self.ts,
            "data": self.data,
            "seq": self.seq,
            "prev": self.prev,
        }
        if self.key is not None:
            json["key"] = self.key
        json.update(self.extra)
        return json


_IDS_AT_ONCE = 128  # for about the price of two: the system call is what costs
_unforeseeable: list[str] = []
os.register_at_fork(after_in_child=_unforeseeable.clear)


def new_trace_id() -> TraceId:
    """A new one that nobody can foresee, and so nobody can use up: it is a key of idempotency as well."""
    if not _unforeseeable:
        digits = os.urandom(16 * _IDS_AT_ONCE).hex()
        _unforeseeable.extend(digits[start : start + 32] for start in range(0, len(digits), 32))
    return _uuid4(_unforeseeable.pop())


def new_frame_id() -> TraceId:
    """For what the gateway itself says to one client: need not be a secret, and costs no system call."""
    return _uuid4(f"{random.getrandbits(128):032x}")


def _uuid4(digits: str) -> TraceId:
    """RFC 9562 §5.4. Two for each connection: ``uuid.uuid4`` takes three times as long."""
    variant = "89ab"[int(digits[16], 16) & 3]
    return TraceId(f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}")


def namespace_of(topic: TopicName) -> str:
    """``thread`` of ``thread:42``: what configuration is written for."""
    return topic.partition(":")[0]


def topic_flaw(topic: object) -> str | None:
    """The rule that ``topic`` breaks as a name, or ``None``."""
    if not isinstance(topic, str):
        return "must be a string"
    if not TOPIC_RULE.match(topic):
        return "must be 1 to 255 characters of A-Z a-z 0-9 _ . : @ / -"
    return None


def trace_id_from(value: object) -> TraceId:
    """The id that ``value`` spells, in lower case: RFC 9562 §4 has one id whatever the case of its letters.

    Raises: ProtocolError when ``value`` is not a uuid4 in its usual spelling.
    """
    if isinstance(value, str) and _UUID4.match(value):
        return TraceId(value.lower())
    raise ProtocolError(ErrorCode.BAD_ENVELOPE, "id", "must be a uuid4 string")


def envelope_from(fields: Mapping[str, object], now: float) -> Envelope:
    """The message that a publisher's JSON object describes, accepted at ``now`` (Unix seconds).

    Only ``topic`` and ``type`` must be there. Raises: ProtocolError naming the field and the rule.
    """
    _check_version(fields.get("v", VERSION))
    return Envelope(
        id=trace_id_from(fields["id"]) if "id" in fields else new_trace_id(),
        topic=publishable_topic(fields.get("topic")),
        type=_type_from(fields.get("type")),
        ts=round(now, 3),
        data=fields.get("data", {}),
        key=_key_from(fields.get("key")),
        extra=_unknown_among(fields),
    )


def stored_envelope(fields: Mapping[str, Any], seq: Seq, prev: Seq) -> Envelope:
    """What a bus kept of an envelope by ``as_json``, at its position.

    Its names are looked at again: a store is a place where others may write. Raises: KeyError, TypeError or
    ProtocolError where it is no envelope.
    """
    return Envelope(
        id=trace_id_from(fields["id"]),
        topic=publishable_topic(fields["topic"]),
        type=_type_from(fields["type"]),
        ts=float(fields["ts"]),
        data=fields["data"],
        key=_key_from(fields.get("key")),
        extra=_unknown_among(fields),
        seq=seq,
        prev=prev,
    )


def _unknown_among(fields: Mapping[str, object]) -> Mapping[str, object]:
    if fields.keys() <= _SET_HERE:
        return _NOTHING_MORE
    return {name: value for name, value in fields.items() if name not in _SET_HERE}


def publishable_topic(value: object) -> TopicName:
    """Raises: ProtocolError where ``value`` is no topic name, or the reserved one."""
    flaw = topic_flaw(value)
    if flaw is None and value == SYSTEM:
        flaw = "'system' is reserved for control frames"
    if flaw is not None:
        raise ProtocolError(ErrorCode.BAD_TOPIC, "topic", flaw)
    return TopicName(str(value))


def _check_version(version: object) -> None:
    # A plain comparison would take true and 1.0 for 1.
    if type(version) is not int or version != VERSION:
        raise ProtocolError(ErrorCode.BAD_VERSION, "v", f"must be {VERSION}, the only version there is")


def _type_from(value: object) -> str:
    if isinstance(value, str) and TYPE_RULE.match(value):
        return value
    raise ProtocolError(ErrorCode.BAD_ENVELOPE, "type", "must be 1 to 64 characters of a-z 0-9 _ .")


def _key_from(value: object) -> str | None:
    if value is None or (isinstance(value, str) and len(value) <= KEY_MAX_CHARACTERS):
        return value
    raise ProtocolError(ErrorCode.BAD_ENVELOPE, "key", f"must be a string of at most {KEY_MAX_CHARACTERS} characters")
