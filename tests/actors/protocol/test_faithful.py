"""What would not reach a browser as it was sent is refused, by the path at which it stands."""

import json
import time
import tracemalloc

import pytest

from actors.protocol.codec import decode_object
from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import ProtocolError
from actors.protocol.faithful import MAX_DEPTH, refuse_unfaithful


def refusal_of(text: str | bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as refused:
        decode_object(text)
    assert refused.value.code is ErrorCode.BAD_JSON
    return refused.value


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


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert decode_object(r'{"a":"\ud83d\ude00"}') == {"a": "😀"}


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


def test_python_values_that_json_does_not_have_are_refused_by_their_path() -> None:
    with pytest.raises(ProtocolError, match=r"data\[1\]: is a tuple"):
        refuse_unfaithful({"data": [0, (1,)]})
    with pytest.raises(ProtocolError, match="key that is not a string"):
        refuse_unfaithful({"data": {1: 2}})
