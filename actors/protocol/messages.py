"""The control frames of topic ``system``: what a client may ask, and what the gateway says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from actors.protocol.codec import decode_object, encode, parse
from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import (
    SYSTEM,
    VERSION,
    Envelope,
    ProtocolError,
    Seq,
    TraceId,
    envelope_from,
    new_frame_id,
    trace_id_from,
)

__all__ = [
    "EARLIEST",
    "Command",
    "Pong",
    "Publish",
    "Renew",
    "Since",
    "Subscribe",
    "Unsubscribe",
    "command_from",
    "control_envelope",
    "request_id_of",
    "since_from",
]

EARLIEST: Final = "earliest"

Since = Seq | TraceId | Literal["earliest"] | None
"""From where to resume: a position, a message's id, ``"earliest"``, or ``None`` for from now on."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    id: TraceId
    topics: Mapping[str, Since]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    id: TraceId
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Publish:
    id: TraceId
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Renew:
    """The ``auth`` frame: a fresh token for the same user on the same connection."""

    id: TraceId
    token: str


@dataclass(frozen=True, slots=True)
class Pong:
    """``seen`` is the ACK: the last message id that the client has handled, per topic."""

    seen: Mapping[str, str]


Command = Subscribe | Unsubscribe | Publish | Renew | Pong


def command_from(text: str, now: float) -> Command:
    """What a client's text frame asks for; ``now`` in Unix seconds.

    Raises: ProtocolError naming the field and the rule; its ``request_id`` is found by ``request_id_of``.
    """
    fields = decode_object(text)
    if "v" not in fields:
        raise ProtocolError(ErrorCode.BAD_VERSION, "v", f"is missing; must be {VERSION}")
    if fields.get("topic") != SYSTEM:
        envelope = envelope_from(fields, now)
        return Publish(trace_id_from(fields.get("id")), envelope)
    return _control_from(fields)


def request_id_of(text: str) -> TraceId | None:
    """The id that an answer to a refused frame goes back to, where it can be made out at all."""
    try:
        value = parse(text)
        return trace_id_from(value.get("id")) if isinstance(value, dict) else None
    except ProtocolError:
        return None


def control_envelope(kind: str, data: Mapping[str, object], now: float, re: TraceId | None = None) -> bytes:
    """What the gateway says on ``system``, as JSON; ``re`` is the request it answers."""
    fields: dict[str, object] = {
        "v": VERSION,
        "id": new_frame_id(),
        "topic": SYSTEM,
        "type": kind,
        "ts": round(now, 3),
        "data": data,
    }
    if re is not None:
        fields["re"] = re
    return encode(fields)


def _control_from(fields: Mapping[str, object]) -> Command:
    version, kind, data = fields["v"], fields.get("type"), fields.get("data", {})
    if type(version) is not int or version != VERSION:
        raise ProtocolError(ErrorCode.BAD_VERSION, "v", f"must be {VERSION}, the only version there is")
    if not isinstance(kind, str):
        raise ProtocolError(ErrorCode.BAD_ENVELOPE, "type", "must be a string")
    if not isinstance(data, dict):
        raise ProtocolError(ErrorCode.BAD_ENVELOPE, "data", "must be an object")
    match kind:
        case "pong":
            return Pong(_seen_from(data.get("seen", {})))
        case "subscribe":
            return Subscribe(trace_id_from(fields.get("id")), _subscriptions_from(data.get("topics")))
        case "unsubscribe":
            return Unsubscribe(trace_id_from(fields.get("id")), _names_from(data.get("topics")))
        case "auth":
            return Renew(trace_id_from(fields.get("id")), _token_from(data.get("token")))
        case _:
            rule = "must be subscribe, unsubscribe, pong or auth on topic system"
            raise ProtocolError(ErrorCode.UNKNOWN_TYPE, "type", rule)


def _subscriptions_from(topics: object) -> dict[str, Since]:
    if isinstance(topics, dict):
        return {name: _since_from(name, options) for name, options in topics.items()}
    return dict.fromkeys(_names_from(topics))


def _names_from(topics: object) -> tuple[str, ...]:
    if isinstance(topics, list) and all(isinstance(name, str) for name in topics):
        return tuple(topics)
    if isinstance(topics, dict):
        return tuple(topics)
    raise ProtocolError(ErrorCode.BAD_ENVELOPE, "data.topics", "must be an object or a list of topic names")


def _since_from(name: str, options: object) -> Since:
    where = f"data.topics[{name[:80]!r}]"
    if not isinstance(options, dict):
        raise ProtocolError(ErrorCode.BAD_ENVELOPE, where, "must be an object, such as {} or {'since': …}")
    since = options.get("since")
    return None if since is None else since_from(f"{where}.since", since)


def since_from(where: str, since: object) -> Since:
    """A position to go on from. Raises: ProtocolError, which names ``where`` it stood."""
    if since == EARLIEST:
        return EARLIEST
    if type(since) is int and since >= 0:
        return Seq(since)
    try:
        return trace_id_from(since)
    except ProtocolError:
        raise ProtocolError(ErrorCode.BAD_ENVELOPE, where, "must be a seq, a message id or 'earliest'") from None


def _seen_from(seen: object) -> dict[str, str]:
    if isinstance(seen, dict) and all(isinstance(last, str) for last in seen.values()):
        return seen
    raise ProtocolError(ErrorCode.BAD_ENVELOPE, "data.seen", "must be an object of topic to message id")


def _token_from(token: object) -> str:
    if isinstance(token, str) and token:
        return token
    raise ProtocolError(ErrorCode.BAD_ENVELOPE, "data.token", "must be a token, as a string")
