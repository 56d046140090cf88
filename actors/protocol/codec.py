"""JSON in and out: the only module that imports ujson.

ujson is quick and lenient. What it lets through and other parsers would not agree on is refused by
``protocol.faithful``, at the door; what it merely tidies (``007``, raw control characters, the last of duplicate
keys) leaves this gateway as proper JSON.
"""

import json
import re

import ujson

from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import VERSION, Envelope, ProtocolError
from actors.protocol.faithful import refuse_unfaithful

__all__ = [
    "decode_object",
    "encode",
    "encode_envelope",
    "object_from",
    "parse",
]


# The minus first, what stands before it last: one character is found many times faster than one of five.
_LONE_MINUS = re.compile(r"-(?![0-9])(?:(?<=[:\[,\s]-)|(?<=\A-))")
_TYPE_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


def parse(text: str | bytes) -> object:
    """The value of a JSON text, not yet checked by ``refuse_unfaithful``.

    Raises: ProtocolError ``bad_json``, naming where the text goes wrong.
    """
    try:
        value: object = ujson.loads(text)
    except ValueError as refused:  # JSONDecodeError and UnicodeDecodeError are both
        raise ProtocolError(ErrorCode.BAD_JSON, "body", f"not JSON in UTF-8: {str(refused)[:120]}") from None
    if _LONE_MINUS.search(text if isinstance(text, str) else text.decode(errors="replace")):
        _refuse_lone_minus(text)
    return value


def _refuse_lone_minus(text: str | bytes) -> None:
    """ujson reads a minus without digits as 0. Only a text that looks like it, prose perhaps, is read twice."""
    try:
        json.loads(text, strict=False)
    except ValueError:
        raise ProtocolError(ErrorCode.BAD_JSON, "body", "not JSON: a minus without digits") from None


def decode_object(text: str | bytes) -> dict[str, object]:
    """The JSON object that every reader would read alike.

    Raises: ProtocolError ``bad_json`` where ``text`` is anything else.
    """
    return object_from(parse(text))


def object_from(value: object) -> dict[str, object]:
    """``value`` as a JSON object that may travel. Raises: ProtocolError ``bad_json``."""
    if isinstance(value, dict):
        refuse_unfaithful(value)
        return value
    found = _TYPE_NAMES.get(type(value), "null")
    raise ProtocolError(ErrorCode.BAD_JSON, "body", f"must be a JSON object, not {found}")


def encode(value: object) -> bytes:
    """``value`` as compact UTF-8 JSON. Raises: ValueError, TypeError or OverflowError where it has none."""
    return _dumps(value).encode()


def encode_envelope(envelope: Envelope) -> bytes:
    """``encode`` of ``as_json``, in half the time: names that keep the rules of an envelope need no escaping."""
    more = "" if envelope.key is None else f',"key":{_dumps(envelope.key)}'
    if envelope.extra:
        more += f",{_dumps(dict(envelope.extra))[1:-1]}"
    return (
        f'{{"v":{VERSION},"id":"{envelope.id}","topic":"{envelope.topic}","type":"{envelope.type}","ts":{envelope.ts!r},'
        f'"data":{_dumps(envelope.data)},"seq":{envelope.seq},"prev":{envelope.prev}{more}}}'
    ).encode()


def _dumps(value: object) -> str:
    return ujson.dumps(value, ensure_ascii=False, escape_forward_slashes=False, allow_nan=False, reject_bytes=True)
