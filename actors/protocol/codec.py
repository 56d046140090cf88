"""JSON in and out: the only module that imports ujson, and the rules that ujson does not know.

ujson is quick and lenient. What it lets through and other parsers would not agree on (NaN, integers
beyond 2^53, lone surrogates, bottomless nesting) is refused here, at the door; what it merely tidies
(``007``, raw control characters, the last of duplicate keys) leaves this gateway as proper JSON.
"""

import json
import re
from collections.abc import Iterable
from math import isfinite

import ujson

from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import Envelope, ProtocolError

__all__ = [
    "MAX_DEPTH",
    "MAX_INTEGER",
    "decode_object",
    "encode",
    "encode_envelope",
    "object_from",
    "parse",
    "refuse_unfaithful",
]

MAX_DEPTH = 32
MAX_INTEGER = 2**53  # what a browser's number still holds exactly

_PATH_MAX_CHARACTERS = 120
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
    text: str = ujson.dumps(value, ensure_ascii=False, escape_forward_slashes=False, allow_nan=False, reject_bytes=True)
    return text.encode()


def encode_envelope(envelope: Envelope) -> bytes:
    return encode(envelope.as_json())


def refuse_unfaithful(value: object) -> None:
    """Refuse what would not reach a browser as it was sent.

    Walks level by level and without recursion, so that a hostile text costs its length and no more.
    Raises: ProtocolError ``bad_json`` naming the path of the offender, such as ``data.items[3]``.
    """
    level: list[tuple[str, object]] = [("", value)]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _unfaithful(level[0][0], f"is nested deeper than {MAX_DEPTH}")
        level = [child for path, item in level for child in _containers_of(path, item)]


def _containers_of(path: str, item: object) -> Iterable[tuple[str, object]]:
    """Check ``item``'s scalars; what is left to walk are the objects and arrays in it."""
    below: list[tuple[str, object]] = []
    if type(item) is dict:
        for key, child in item.items():
            if not (type(key) is str and (key.isascii() or _has_utf8(key))):
                raise _unfaithful(path, "has a key that is not a string of Unicode characters")
            if not (type(child) is str and child.isascii()):  # most are, and need no further look
                _check(path, key, child, below)
    elif type(item) is list:
        for index, child in enumerate(item):
            _check(path, index, child, below)
    else:
        _check(path, None, item, below)
    return below


def _check(path: str, step: str | int | None, value: object, below: list[tuple[str, object]]) -> None:
    kind = type(value)
    if kind is str:
        if not value.isascii() and not _has_utf8(value):  # type: ignore[attr-defined, arg-type]
            raise _unfaithful(_joined(path, step), "has a lone surrogate, which UTF-8 cannot carry")
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise _unfaithful(_joined(path, step), "is an integer beyond 2^53; send it as a string")
    elif kind is float:
        if not isfinite(value):  # type: ignore[arg-type]
            raise _unfaithful(_joined(path, step), "is NaN or Infinity, which JSON does not have")
    elif kind is dict or kind is list:
        below.append((_joined(path, step), value))
    elif value is not None and kind is not bool:
        raise _unfaithful(_joined(path, step), f"is a {kind.__name__}, which JSON does not have")


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _joined(path: str, step: str | int | None) -> str:
    if step is None:
        return path
    if type(step) is int:
        return f"{path}[{step}]"
    # Cut here and not only when shown: a long key above thousands of containers would be copied into each path.
    return (f"{path}.{step}" if path else str(step))[:_PATH_MAX_CHARACTERS]


def _unfaithful(path: str, rule: str) -> ProtocolError:
    # A path is built from the sender's own keys: escaped, so that no log line and no reply can break.
    shown = path.encode("ascii", "backslashreplace").decode()[:_PATH_MAX_CHARACTERS] or "body"
    return ProtocolError(ErrorCode.BAD_JSON, shown, rule)
