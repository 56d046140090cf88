"""The golden frames that all languages share: what they say of each frame is what this gateway does."""

import json
from pathlib import Path
from typing import Any

import pytest

from actors.protocol.codec import encode_envelope
from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import SYSTEM, Envelope, ProtocolError, Seq, TopicName, TraceId
from actors.protocol.messages import (
    Command,
    Pong,
    Publish,
    Renew,
    Subscribe,
    Unsubscribe,
    command_from,
    control_envelope,
)

Vector = dict[str, Any]

VECTORS: list[Vector] = json.loads((Path(__file__).parents[2] / "vectors" / "frames.json").read_text())
KNOWN = {"v", "id", "topic", "type", "ts", "data", "seq", "prev", "key"}


def going(direction: str) -> pytest.MarkDecorator:
    chosen = [vector for vector in VECTORS if vector["direction"] == direction]
    return pytest.mark.parametrize("vector", chosen, ids=[vector["name"] for vector in chosen])


def as_json(command: Command) -> dict[str, Any]:
    """A command as ``expected`` of the vectors describes it."""
    match command:
        case Subscribe(id=request_id, topics=topics):
            return {"kind": "subscribe", "id": request_id, "topics": dict(topics)}
        case Unsubscribe(id=request_id, topics=names):
            return {"kind": "unsubscribe", "id": request_id, "topics": list(names)}
        case Renew(id=request_id, token=token):
            return {"kind": "auth", "id": request_id, "token": token}
        case Pong(seen=seen):
            return {"kind": "pong", "seen": dict(seen)}
        case Publish(id=request_id, envelope=envelope):
            fields = {name: getattr(envelope, name) for name in ("topic", "type", "data", "key", "extra")}
            return {"kind": "publish", "id": request_id} | fields


@going("in")
def test_a_good_frame_is_taken_for_what_the_vector_says(vector: Vector) -> None:
    assert as_json(command_from(vector["text"], 1.0)) == vector["expected"]


@going("bad")
def test_a_bad_frame_is_refused_by_its_code_and_field(vector: Vector) -> None:
    with pytest.raises(ProtocolError) as refused:
        command_from(vector["text"], 1.0)
    assert {"code": refused.value.code, "field": refused.value.field_name} == vector["error"]


@going("out")
def test_a_frame_of_the_gateway_is_written_as_the_vector_says(vector: Vector) -> None:
    text, expected = json.loads(vector["text"]), vector["expected"]
    written = written_for(text)
    assert {name: text.get(name) for name in expected} == expected
    assert {name: written.get(name) for name in expected} == expected
    assert written.keys() == text.keys()


def written_for(text: dict[str, Any]) -> dict[str, Any]:
    """What the gateway's encoders make of the same content."""
    if text["topic"] == SYSTEM:
        payload = control_envelope(text["type"], text["data"], text["ts"], text.get("re"))
    else:
        payload = encode_envelope(envelope_of(text))
    written: dict[str, Any] = json.loads(payload)
    return written


def envelope_of(text: dict[str, Any]) -> Envelope:
    extra = {name: value for name, value in text.items() if name not in KNOWN}
    message = Envelope(
        id=TraceId(text["id"]),
        topic=TopicName(text["topic"]),
        type=text["type"],
        ts=text["ts"],
        data=text["data"],
        key=text.get("key"),
        extra=extra,
    )
    return message.placed(Seq(text["seq"]), Seq(text["prev"]))


def test_the_vectors_cover_every_frame_and_every_code_of_the_protocol() -> None:
    said = {json.loads(vector["text"])["type"] for vector in VECTORS if vector["direction"] == "out"}
    asked = {vector["expected"]["kind"] for vector in VECTORS if vector["direction"] == "in"}
    told = {json.loads(v["text"])["data"]["code"] for v in VECTORS if '"type":"error"' in v["text"]}
    answers = {"hello", "subscribed", "unsubscribed", "published", "ping", "gap", "error", "reconnect"}
    assert said >= answers
    assert asked == {"subscribe", "unsubscribe", "auth", "pong", "publish"}
    assert told == {code.value for code in ErrorCode}


def test_every_vector_has_a_name_of_its_own() -> None:
    names = [vector["name"] for vector in VECTORS]
    assert len(set(names)) == len(names)
