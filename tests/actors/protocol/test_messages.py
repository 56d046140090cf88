"""The control frames: what a client may say, how each flaw is named, and what the gateway says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import ProtocolError, TraceId
from actors.protocol.messages import (
    EARLIEST,
    Pong,
    Publish,
    Renew,
    Subscribe,
    Unsubscribe,
    command_from,
    control_envelope,
    request_id_of,
)

NOW = 1_719_958_453.127
ID = TraceId("0b6f1d6e-8a51-4f3c-9d55-1f2e3a4b5c6d")
OTHER = "7d9f3c52-0c6e-4a53-8f0a-7f3f4d1f2a11"


def control(kind: object, data: object, **changed: object) -> str:
    return json.dumps({"v": 1, "id": ID, "topic": "system", "type": kind, "data": data} | changed)


def flaw_of(text: str) -> ProtocolError:
    with pytest.raises(ProtocolError) as refused:
        command_from(text, NOW)
    return refused.value


def test_a_subscription_names_for_each_topic_from_where() -> None:
    topics: dict[str, Any] = {
        "a": {},
        "b": {"since": 17},
        "c": {"since": OTHER},
        "d": {"since": "earliest"},
        "e": {"since": None},
        "f": {"since": 0},
    }
    expected: dict[str, Any] = {"a": None, "b": 17, "c": OTHER, "d": EARLIEST, "e": None, "f": 0}
    assert command_from(control("subscribe", {"topics": topics}), NOW) == Subscribe(ID, expected)


def test_a_plain_list_subscribes_from_now() -> None:
    text = control("subscribe", {"topics": ["a", "b", "a"]})
    assert command_from(text, NOW) == Subscribe(ID, {"a": None, "b": None})


@pytest.mark.parametrize("topics", [["a", "b"], {"a": {}, "b": {}}])
def test_an_unsubscribe_names_topics(topics: object) -> None:
    assert command_from(control("unsubscribe", {"topics": topics}), NOW) == Unsubscribe(ID, ("a", "b"))


def test_an_auth_frame_carries_a_token() -> None:
    assert command_from(control("auth", {"token": "a.b.c"}), NOW) == Renew(ID, "a.b.c")


def test_a_pong_acknowledges_and_needs_no_id() -> None:
    text = json.dumps({"v": 1, "topic": "system", "type": "pong", "data": {"seen": {"a": OTHER}}})
    assert command_from(text, NOW) == Pong({"a": OTHER})
    assert command_from('{"v":1,"topic":"system","type":"pong"}', NOW) == Pong({})


def test_a_request_is_answered_by_its_id_as_it_was_spelt_and_published_by_the_usual_spelling() -> None:
    command = command_from(json.dumps({"v": 1, "id": ID.upper(), "topic": "a", "type": "x"}), NOW)
    assert isinstance(command, Publish)
    assert (command.id, command.envelope.id) == (ID.upper(), ID)
    assert request_id_of(json.dumps({"id": ID.upper()})) == ID.upper()


def test_a_seen_and_a_since_find_a_message_whatever_the_case_of_their_letters() -> None:
    text = json.dumps({"v": 1, "topic": "system", "type": "pong", "data": {"seen": {"a": OTHER.upper()}}})
    assert command_from(text, NOW) == Pong({"a": OTHER})
    subscribe = command_from(control("subscribe", {"topics": {"a": {"since": OTHER.upper()}}}), NOW)
    assert subscribe == Subscribe(ID, {"a": OTHER})


def test_an_envelope_of_any_other_topic_is_a_publish() -> None:
    command = command_from(json.dumps({"v": 1, "id": ID, "topic": "a", "type": "x", "data": 1}), NOW)
    assert isinstance(command, Publish)
    assert (command.id, command.envelope.id, command.envelope.topic, command.envelope.data) == (ID, ID, "a", 1)


def test_a_client_has_to_name_its_publish_to_get_an_answer() -> None:
    flaw = flaw_of('{"v":1,"topic":"a","type":"x"}')
    assert (flaw.code, flaw.field_name) == (ErrorCode.BAD_ENVELOPE, "id")


@pytest.mark.parametrize("topic", ["system", "a"])
def test_a_frame_has_to_say_its_version(topic: str) -> None:
    text = json.dumps({"id": ID, "topic": topic, "type": "pong"})
    assert (flaw_of(text).code, flaw_of(text).field_name) == (ErrorCode.BAD_VERSION, "v")


@pytest.mark.parametrize("version", [0, 2, "1", 1.0, True, None])
def test_a_control_frame_of_another_version_is_refused(version: object) -> None:
    assert flaw_of(control("pong", {}, v=version)).code is ErrorCode.BAD_VERSION


@pytest.mark.parametrize("kind", ["", "Subscribe", "hello", "ping", "ack"])
def test_an_unknown_type_is_refused(kind: str) -> None:
    flaw = flaw_of(control(kind, {}))
    assert (flaw.code, flaw.field_name) == (ErrorCode.UNKNOWN_TYPE, "type")


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        (7, {}, "type"),
        (None, {}, "type"),
        ("subscribe", [], "data"),
        ("subscribe", None, "data"),
        ("subscribe", {}, "data.topics"),
        ("subscribe", {"topics": "a"}, "data.topics"),
        ("subscribe", {"topics": ["a", 1]}, "data.topics"),
        ("subscribe", {"topics": {"a": 5}}, "data.topics['a']"),
        ("subscribe", {"topics": {"a": None}}, "data.topics['a']"),
        ("subscribe", {"topics": {"a": {"since": -1}}}, "data.topics['a'].since"),
        ("subscribe", {"topics": {"a": {"since": 1.5}}}, "data.topics['a'].since"),
        ("subscribe", {"topics": {"a": {"since": True}}}, "data.topics['a'].since"),
        ("subscribe", {"topics": {"a": {"since": "latest"}}}, "data.topics['a'].since"),
        ("subscribe", {"topics": {"a": {"since": []}}}, "data.topics['a'].since"),
        ("unsubscribe", {"topics": 1}, "data.topics"),
        ("unsubscribe", {}, "data.topics"),
        ("auth", {}, "data.token"),
        ("auth", {"token": ""}, "data.token"),
        ("auth", {"token": 1}, "data.token"),
        ("pong", {"seen": []}, "data.seen"),
        ("pong", {"seen": {"a": 1}}, "data.seen"),
    ],
)
def test_a_flaw_in_a_control_frame_names_its_field(kind: object, data: object, field: str) -> None:
    flaw = flaw_of(control(kind, data))
    assert (flaw.code, flaw.field_name) == (ErrorCode.BAD_ENVELOPE, field)


@pytest.mark.parametrize("kind", ["subscribe", "unsubscribe", "auth"])
def test_a_request_without_a_uuid4_cannot_be_answered_and_is_refused(kind: str) -> None:
    flaw = flaw_of(control(kind, {"topics": ["a"], "token": "t"}, id="1"))
    assert (flaw.code, flaw.field_name) == (ErrorCode.BAD_ENVELOPE, "id")


def test_the_name_of_a_topic_in_a_flaw_is_cut_and_escaped() -> None:
    flaw = flaw_of(control("subscribe", {"topics": {"a\n" * 200: 1}}))
    assert "\n" not in str(flaw)
    assert len(str(flaw)) < 250


@pytest.mark.parametrize("text", ["", "[]", "nope", '{"v":1', '"x"', "null"])
def test_text_that_is_no_object_is_bad_json(text: str) -> None:
    assert flaw_of(text).code is ErrorCode.BAD_JSON


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_no_text_whatever_brings_anything_but_a_command_or_a_protocol_error(text: str) -> None:
    try:
        command_from(text, NOW)
    except ProtocolError as flaw:
        assert flaw.field_name
    assert request_id_of(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (control("nonsense", {}), ID),
        (json.dumps({"id": ID, "data": 2**60}), ID),
        (json.dumps({"id": "1"}), None),
        ('{"v":1}', None),
        ("[]", None),
        ("{", None),
    ],
)
def test_the_request_id_is_found_where_it_can_be_made_out(text: str, found: str | None) -> None:
    assert request_id_of(text) == found


def test_a_control_frame_is_an_envelope_on_topic_system() -> None:
    said = json.loads(control_envelope("ping", {"seen": {"a": 1}}, NOW + 0.0004))
    trace_id = said.pop("id")
    assert TraceId(trace_id) != ID
    assert said == {"v": 1, "topic": "system", "type": "ping", "ts": NOW, "data": {"seen": {"a": 1}}}


def test_an_answer_names_the_request_it_answers() -> None:
    assert json.loads(control_envelope("error", {}, NOW, ID))["re"] == ID
