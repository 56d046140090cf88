"""docs/envelope.schema.json and the gateway's own validator are asked about the same messages, and agree."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from odd_messages import BODIES, CONTROLS, FRAMES, POSITIONS
from specs import ENVELOPE, FROM_CLIENT_FRAMES, asyncapi_schema, ecma, envelope_schema

from actors.protocol.codec import object_from
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
from actors.protocol.faithful import MAX_INTEGER
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
@settings(deadline=None, max_examples=300)
@given(BODIES)
def test_schema_and_gateway_agree_on_what_may_be_published_over_http(body: Json) -> None:
    assert envelope_schema("PublishedMessage").is_valid(body) == _takes_body(body)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(FRAMES | CONTROLS)
def test_schema_and_gateway_agree_on_what_a_client_may_send(frame: Json) -> None:
    assert asyncapi_schema(*FROM_CLIENT_FRAMES).is_valid(frame) == _takes_frame(json.dumps(frame))


@pytest.mark.parametrize("since", POSITIONS, ids=repr)
def test_schema_and_gateway_agree_on_where_a_client_may_be_resumed_from(since: Json) -> None:
    data = {"topics": {"thread:42": {"since": since}}}
    frame = {"v": 1, "id": ID, "topic": SYSTEM, "type": "subscribe", "data": data}
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
