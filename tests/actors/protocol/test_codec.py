"""JSON in and out: what is taken comes out again as it went in, and what would not is refused by its path."""

import json
import math
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.protocol.codec import (
    MAX_DEPTH,
    MAX_INTEGER,
    decode_object,
    encode,
    encode_envelope,
    parse,
    refuse_unfaithful,
)
from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import ProtocolError, envelope_from

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


def test_an_envelope_is_encoded_as_its_json() -> None:
    envelope = envelope_from({"topic": "t", "type": "x", "data": {"a": "ä"}}, 1.0)
    assert json.loads(encode_envelope(envelope)) == envelope.as_json()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_numbers_that_json_does_not_have_are_refused_by_their_path(number: str) -> None:
    flaw = refusal_of(f'{{"data":{{"items":[0,1,2,{number}]}}}}')
    assert (flaw.field_name, flaw.rule) == ("data.items[3]", "is NaN or Infinity, which JSON does not have")


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**63, 2**64, 10**30])
def test_an_integer_that_a_browser_would_round_is_refused(number: int) -> None:
    flaw = refusal_of(f'{{"data":{number}}}')
    assert flaw.field_name == "data"
    assert flaw.rule.startswith("is an integer beyond 2^53")


@pytest.mark.parametrize("number", [2**53, -(2**53), 0, -1])
def test_an_integer_that_a_browser_holds_exactly_is_taken(number: int) -> None:
    assert decode_object(f'{{"data":{number}}}') == {"data": number}


@pytest.mark.parametrize("text", [r'{"a":"\ud800"}', r'{"a":"x\udfff y"}', r'{"a":"\udc00\ud800"}', '{"a":"\ud800"}'])
def test_a_lone_surrogate_in_a_string_is_refused(text: str) -> None:
    flaw = refusal_of(text)
    assert (flaw.field_name, flaw.rule) == ("a", "has a lone surrogate, which UTF-8 cannot carry")


def test_a_lone_surrogate_in_a_key_is_refused() -> None:
    assert refusal_of(r'{"data":{"\ud800":1}}').field_name == "data"


def test_a_lone_surrogate_as_raw_bytes_is_refused() -> None:
    refusal_of(b'{"a":"\xed\xa0\x80"}')


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert decode_object(r'{"a":"\ud83d\ude00"}') == {"a": "😀"}


def test_bytes_that_are_no_utf8_are_refused() -> None:
    assert refusal_of(b'{"a":"\xff"}').rule.startswith("not JSON in UTF-8")


@pytest.mark.parametrize("opening", ["[", '{"k":'])
def test_nesting_of_32_is_taken_and_of_33_refused_by_its_path(opening: str) -> None:
    closing = "]" if opening == "[" else "}"

    def nested(depth: int) -> str:
        inner = opening * (depth - 1) + "1" + closing * (depth - 1)
        return f'{{"data":{inner}}}'

    assert MAX_DEPTH == 32
    decode_object(nested(32))
    flaw = refusal_of(nested(33))
    assert flaw.field_name.startswith("data[0][0]" if opening == "[" else "data.k.k")
    assert flaw.rule == "is nested deeper than 32"


@pytest.mark.parametrize("text", ["[" * 60_000, '{"a":' * 12_000, '{"a":' + "[" * 1_000 + "]" * 1_000 + "}"])
def test_bottomless_nesting_is_refused_quickly(text: str) -> None:
    began = time.perf_counter()
    refusal_of(text)
    assert time.perf_counter() - began < 0.1


def test_a_long_key_over_many_containers_costs_no_more_than_its_length() -> None:
    text = json.dumps({"k" * 32_000: [[]] * 10_000})
    tracemalloc.start()
    decode_object(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_the_path_of_an_offender_below_a_long_key_is_cut_and_printable() -> None:
    flaw = refusal_of(json.dumps({"k\u2028\n" * 3_000: [2**60]}))
    assert len(flaw.field_name) <= 120
    assert flaw.field_name.isascii()


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


def test_python_values_that_json_does_not_have_are_refused_by_their_path() -> None:
    with pytest.raises(ProtocolError, match=r"data\[1\]: is a tuple"):
        refuse_unfaithful({"data": [0, (1,)]})
    with pytest.raises(ProtocolError, match="key that is not a string"):
        refuse_unfaithful({"data": {1: 2}})
