"""docs/envelope.schema.json and the gateway's own validator are asked about the same messages, and agree."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from specs import ENVELOPE, FROM_CLIENT_FRAMES, asyncapi_schema, ecma, envelope_schema

from actors.protocol.codec import MAX_INTEGER, object_from
from actors.protocol.envelope import (
    KEY_MAX_CHARACTERS,
    SYSTEM,
    TOPIC_RULE,
    TYPE_RULE,
    VERSION,
    Envelope,
    ProtocolError,
    Seq,
    envelope_from,
)
from actors.protocol.messages import EARLIEST, command_from

Json = Any
DEFS = ENVELOPE["$defs"]
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors" / "frames.json").read_text())
ID = "6f7c8a2e-52a4-4d0e-9c1b-0d6f2b7a9e11"
# What no schema can say: of these the schema's own description speaks.
BEYOND_A_SCHEMA = {
    "NaN",
    "Infinity in an array",
    "minus Infinity",
    "a number beyond a double",
    "an integer beyond 2^53",
    "a negative integer beyond 2^53",
    "a lone surrogate",
    "a lone surrogate in a key",
    "a reversed pair of surrogates",
    "nesting of 33",
}

SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.just(1.5) | st.text(max_size=5)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
# Whole numbers written as floats are what a schema cannot tell from integers.
ODD = JSON.filter(lambda value: not isinstance(value, float))
ids = st.uuids(version=4).map(str)
IDS = ids | ids.map(str.upper) | st.uuids(version=1).map(str) | ids.map(lambda text: f"{text}\n") | ODD
TOPICS = (
    st.from_regex(TOPIC_RULE, fullmatch=True)
    | st.sampled_from([SYSTEM, "", "a b", "a\n", "grüße", "t" * 255, "t" * 256, "system:x"])
    | st.text(max_size=8)
    | ODD
)
TYPES = st.from_regex(TYPE_RULE, fullmatch=True) | st.sampled_from(["", "A", "a\n", "t" * 64, "t" * 65]) | ODD
VERSIONS = st.just(1) | st.sampled_from([True, "1", 2, 0, None]) | ODD
KEYS = st.text(max_size=KEY_MAX_CHARACTERS) | st.sampled_from(["k" * 128, "k" * 129, "😀" * 128, None, ""]) | ODD


def _messages(required: dict[str, Any]) -> st.SearchStrategy[dict[str, Json]]:
    optional = {"key": KEYS, "data": JSON, "ts": JSON, "seq": JSON, "prev": JSON, "re": JSON, "mine": JSON}
    spoiled = {"v": VERSIONS, "id": IDS, "topic": TOPICS, "type": TYPES}
    sound = st.fixed_dictionaries(required, optional=optional)
    return sound | st.tuples(sound, st.fixed_dictionaries({}, optional=spoiled)).map(lambda both: both[0] | both[1])


SOUND = {"topic": st.just("thread:42"), "type": st.just("note")}
BODIES = _messages(SOUND) | st.fixed_dictionaries({}, optional={"topic": TOPICS, "type": TYPES, "id": IDS}) | JSON
FRAMES = _messages(SOUND | {"v": st.just(1), "id": ids})

POSITIONS = st.integers(-1, 5) | st.sampled_from([MAX_INTEGER, EARLIEST, "latest", "0", True]) | ids | ODD
NAMES = st.lists(st.text(max_size=4) | ODD, max_size=3)
OPTIONS = st.dictionaries(st.just("since"), POSITIONS) | ODD
TOPIC_LISTS = st.dictionaries(st.text(max_size=4), OPTIONS, max_size=3) | NAMES | st.lists(st.text(max_size=4)) | ODD
CONTROL_DATA = st.fixed_dictionaries(
    {},
    optional={
        "topics": TOPIC_LISTS,
        "token": st.text(max_size=3) | ODD,
        "seen": st.dictionaries(st.text(max_size=3), ids | ODD, max_size=2) | ODD,
    },
)
CONTROL_TYPES = st.sampled_from(["subscribe", "unsubscribe", "pong", "auth", "hello", "", 7])
CONTROLS = st.fixed_dictionaries(
    {"topic": st.just(str(SYSTEM)), "type": CONTROL_TYPES},
    optional={"v": st.just(1) | VERSIONS, "id": ids | IDS, "data": CONTROL_DATA | ODD},
)


def _takes_body(body: Json) -> bool:
    try:
        envelope_from(object_from(body), 1.0)
    except ProtocolError:
        return False
    return True


def _takes_frame(text: str) -> bool:
    try:
        command_from(text, 1.0)
    except ProtocolError:
        return False
    return True


def test_the_schema_is_one_by_the_meta_schema() -> None:
    Draft202012Validator.check_schema(ENVELOPE)


def test_every_limit_is_that_of_the_gateway() -> None:
    assert ecma(DEFS["Topic"]["pattern"]) == "^" + TOPIC_RULE.pattern
    assert ecma(DEFS["Type"]["pattern"]) == "^" + TYPE_RULE.pattern
    assert {DEFS[name]["properties"]["key"]["maxLength"] for name in ("PublishedMessage", "DeliveredMessage")} == {
        KEY_MAX_CHARACTERS
    }
    assert DEFS["Position"]["maximum"] == MAX_INTEGER - 1
    assert DEFS["Since"]["anyOf"][0]["maximum"] == MAX_INTEGER
    assert DEFS["Since"]["anyOf"][2]["const"] == EARLIEST
    assert DEFS["Version"]["const"] == VERSION
    assert DEFS["MessageTopic"]["not"]["const"] == DEFS["ControlFrame"]["properties"]["topic"]["const"] == SYSTEM


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(BODIES)
def test_schema_and_gateway_agree_on_what_may_be_published_over_http(body: Json) -> None:
    assert envelope_schema("PublishedMessage").is_valid(body) == _takes_body(body)


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(FRAMES | CONTROLS)
def test_schema_and_gateway_agree_on_what_a_client_may_send(frame: Json) -> None:
    assert asyncapi_schema(*FROM_CLIENT_FRAMES).is_valid(frame) == _takes_frame(json.dumps(frame))


@pytest.mark.parametrize("name", ["v", "id", "topic", "type", "ts", "data", "seq", "prev"])
def test_a_message_is_delivered_with_every_field_that_the_schema_requires(name: str) -> None:
    fields = {"id": ID, "topic": "thread:42", "type": "note", "key": "k", "mine": [1]}
    delivered = envelope_from(fields, 1719958453.12).placed(Seq(7), Seq(0)).as_json()
    envelope_schema("DeliveredMessage").validate(delivered)
    assert not envelope_schema("DeliveredMessage").is_valid(
        {field: delivered[field] for field in delivered if field != name}
    )


def test_what_the_gateway_writes_by_itself_is_all_in_the_schema() -> None:
    whole = Envelope(id=ID, topic="t", type="n", ts=1.0, data={}, key="k").as_json()  # type: ignore[arg-type]
    assert whole.keys() == DEFS["DeliveredMessage"]["properties"].keys()
    assert DEFS["DeliveredMessage"]["required"] == [name for name in whole if name != "key"]


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["direction"] == "in"], ids=lambda v: v["name"])
def test_the_schema_takes_every_good_frame_of_the_vectors(vector: dict[str, Any]) -> None:
    asyncapi_schema(*FROM_CLIENT_FRAMES).validate(json.loads(vector["text"]))


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["direction"] == "bad"], ids=lambda v: v["name"])
def test_the_schema_refuses_every_bad_frame_of_the_vectors_but_what_no_schema_can_say(vector: dict[str, Any]) -> None:
    try:
        frame = json.loads(vector["text"])
    except ValueError:
        assert vector["error"] == {"code": "bad_json", "field": "body"}
        return
    assert asyncapi_schema(*FROM_CLIENT_FRAMES).is_valid(frame) == (vector["name"] in BEYOND_A_SCHEMA)


def test_what_no_schema_can_say_is_in_the_vectors() -> None:
    assert {vector["name"] for vector in VECTORS} >= BEYOND_A_SCHEMA


def test_a_version_with_a_fraction_of_nothing_is_refused_though_it_is_an_integer_to_the_schema() -> None:
    body = {"v": 1.0, "topic": "t", "type": "n"}
    assert envelope_schema("PublishedMessage").is_valid(body)
    assert not _takes_body(body)


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["direction"] == "out"], ids=lambda v: v["name"])
def test_every_frame_of_the_gateway_in_the_vectors_is_as_the_schemas_say(vector: dict[str, Any]) -> None:
    frame = json.loads(vector["text"])
    is_control = frame["topic"] == SYSTEM
    schema = asyncapi_schema(frame["type"].capitalize()) if is_control else envelope_schema("DeliveredMessage")
    schema.validate(frame)
