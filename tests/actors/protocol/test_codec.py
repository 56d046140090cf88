"""JSON in and out: what is taken comes out again as it went in, and what would not is refused by its path."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.protocol.codec import (
    decode_object,
    encode,
    encode_envelope,
    parse,
)
from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import ProtocolError, Seq, envelope_from
from actors.protocol.faithful import MAX_INTEGER, refuse_unfaithful

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)


def refusal_of(text: str | bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as refused:
        decode_object(text)
    assert refused.value.code is ErrorCode.BAD_JSON
    return refused.value


def same(left: object, right: object) -> bool:
    """Equal as JSON: true is not 1; 1.0 is 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


@given(VALUES)
def test_every_value_within_the_rules_comes_back_as_it_went(value: object) -> None:
    refuse_unfaithful(value)
    assert same(parse(encode(value)), value)


@given(VALUES)
def test_another_json_library_reads_what_we_write(value: object) -> None:
    assert same(json.loads(encode(value)), value)


@given(VALUES, st.booleans())
def test_we_read_what_another_json_library_writes(value: object, ascii_only: bool) -> None:
    assert same(decode_object(json.dumps({"x": value}, ensure_ascii=ascii_only)), {"x": value})


def test_encoding_is_compact_utf8_without_needless_escapes() -> None:
    assert encode({"a": ["/", "ä", "😀"], "b": 1.5}) == '{"a":["/","ä","😀"],"b":1.5}'.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, b"bytes", object(), "\ud800"])
def test_what_has_no_json_is_not_encoded(value: object) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        encode(value)


@given(
    data=VALUES,
    key=st.none() | TEXT,
    extra=st.dictionaries(TEXT.map("_{}".format), VALUES, max_size=2),
    ts=st.floats(0, 4e9).map(lambda ts: round(ts, 3)),
)
def test_an_envelope_is_encoded_as_its_json(data: object, key: str | None, extra: dict[str, object], ts: float) -> None:
    fields = {"topic": "A_.:@/-9", "type": "a_.9", "data": data, "key": key, **extra}
    envelope = envelope_from(fields, ts).placed(Seq(2**53 - 1), Seq(0))
    assert encode_envelope(envelope) == encode(envelope.as_json())


def test_a_lone_surrogate_as_raw_bytes_is_refused() -> None:
    refusal_of(b'{"a":"\xed\xa0\x80"}')


def test_bytes_that_are_no_utf8_are_refused() -> None:
    assert refusal_of(b'{"a":"\xff"}').rule.startswith("not JSON in UTF-8")


@pytest.mark.parametrize(
    "text", ["", " ", "{", '{"a":1} x', '{"a" 1}', "{'a':1}", '{"a":1,}', '{"a":\x00}', "nul", "\ufeff{}"]
)
def test_what_is_no_json_is_refused(text: str) -> None:
    flaw = refusal_of(text)
    assert flaw.field_name == "body"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[]", "array"),
        ('"x"', "string"),
        ("1", "number"),
        ("1.5", "number"),
        ("true", "boolean"),
        ("null", "null"),
    ],
)
def test_json_that_is_no_object_is_refused_and_named(text: str, found: str) -> None:
    assert str(refusal_of(text)) == f"body: must be a JSON object, not {found}"


def test_of_duplicate_keys_the_last_one_wins() -> None:
    assert decode_object('{"a":1,"b":2,"a":3}') == {"a": 3, "b": 2}
