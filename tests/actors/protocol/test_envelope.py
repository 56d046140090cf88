"""What makes a message: names, ids, keys, and what the gateway fills in."""

import re
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import (
    Envelope,
    ProtocolError,
    Seq,
    TopicName,
    TraceId,
    envelope_from,
    namespace_of,
    new_frame_id,
    new_trace_id,
    publishable_topic,
    stored_envelope,
    topic_flaw,
    trace_id_from,
)

NOW = 1_719_958_453.127_456
ID = "0b6f1d6e-8a51-4f3c-9d55-1f2e3a4b5c6d"
GOOD: dict[str, object] = {"v": 1, "id": ID, "topic": "thread:42", "type": "thread_message_created", "data": [1]}
TOPIC_CHARACTERS = "ABCXYZabcxyz0189_.:@/-"


def refusal(**changed: object) -> ProtocolError:
    with pytest.raises(ProtocolError) as refused:
        envelope_from(GOOD | changed, NOW)
    return refused.value


def test_topic_and_type_are_enough_for_a_message() -> None:
    envelope = envelope_from({"topic": "t", "type": "x"}, NOW)
    assert (envelope.topic, envelope.type, envelope.data, envelope.key) == ("t", "x", {}, None)
    assert (envelope.seq, envelope.prev, envelope.ts) == (0, 0, 1_719_958_453.127)
    assert uuid.UUID(envelope.id).version == 4


def test_the_publishers_id_is_the_trace_id() -> None:
    assert envelope_from(GOOD, NOW).id == ID


def test_an_id_is_the_same_whatever_the_case_of_its_letters() -> None:
    assert envelope_from(GOOD | {"id": ID.upper()}, NOW).id == ID.lower()


def test_a_publishers_own_ts_seq_prev_and_re_are_not_kept() -> None:
    json = envelope_from(GOOD | {"ts": 1, "seq": 5, "prev": 4, "re": ID}, NOW).as_json()
    assert (json["ts"], json["seq"], json["prev"]) == (1_719_958_453.127, 0, 0)
    assert "re" not in json


def test_unknown_fields_travel_on_unchanged() -> None:
    json = envelope_from(GOOD | {"x_trace": {"a": 1}}, NOW).as_json()
    assert json["x_trace"] == {"a": 1}


def test_a_placed_message_carries_its_position_and_its_predecessor() -> None:
    envelope = envelope_from(GOOD | {"key": "k"}, NOW)
    placed = envelope.placed(Seq(9), Seq(7))
    assert placed.as_json() == {
        "v": 1,
        "id": ID,
        "topic": "thread:42",
        "type": "thread_message_created",
        "ts": 1_719_958_453.127,
        "data": [1],
        "seq": 9,
        "prev": 7,
        "key": "k",
    }
    assert envelope.seq == 0


def test_an_envelope_cannot_be_changed() -> None:
    envelope = envelope_from(GOOD, NOW)
    with pytest.raises(AttributeError):
        envelope.seq = Seq(1)  # type: ignore[misc]


@pytest.mark.parametrize("version", [0, 2, "1", 1.0, True, None])
def test_any_version_but_the_integer_1_is_refused(version: object) -> None:
    flaw = refusal(v=version)
    assert (flaw.code, flaw.field_name) == (ErrorCode.BAD_VERSION, "v")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        7,
        None,
        "0b6f1d6e8a514f3c9d551f2e3a4b5c6d",
        "0b6f1d6e-8a51-1f3c-9d55-1f2e3a4b5c6d",  # a uuid1
        "0b6f1d6e-8a51-4f3c-cd55-1f2e3a4b5c6d",  # not the variant of RFC 9562
        ID + "\n",
        "{" + ID + "}",
    ],
)
def test_an_id_that_is_no_uuid4_is_refused(value: object) -> None:
    flaw = refusal(id=value)
    assert (flaw.code, flaw.field_name) == (ErrorCode.BAD_ENVELOPE, "id")


@pytest.mark.parametrize("new", [new_trace_id, new_frame_id])
def test_new_ids_are_uuid4_and_differ(new: Callable[[], TraceId]) -> None:
    ids = {new() for _ in range(50)}
    assert len(ids) == 50
    assert all(trace_id_from(value) == value for value in ids)


@pytest.mark.parametrize("kind", ["", "A", "a-b", "a b", "a" * 65, "ä", "a\n", 1, None, ["a"]])
def test_a_type_outside_its_alphabet_or_length_is_refused(kind: object) -> None:
    flaw = refusal(type=kind)
    assert (flaw.code, flaw.field_name) == (ErrorCode.BAD_ENVELOPE, "type")


def test_a_type_of_64_characters_is_taken() -> None:
    assert envelope_from(GOOD | {"type": "a" * 64}, NOW).type == "a" * 64


@pytest.mark.parametrize("key", ["k" * 129, 1, True, ["k"], {}])
def test_a_key_that_is_no_short_string_is_refused(key: object) -> None:
    flaw = refusal(key=key)
    assert (flaw.code, flaw.field_name) == (ErrorCode.BAD_ENVELOPE, "key")


@pytest.mark.parametrize("key", ["", "k" * 128, "ä" * 128])
def test_a_key_of_up_to_128_characters_is_taken(key: str) -> None:
    assert envelope_from(GOOD | {"key": key}, NOW).as_json()["key"] == key


@given(st.text(TOPIC_CHARACTERS, min_size=1, max_size=255))
def test_every_name_of_the_alphabet_is_a_topic(name: str) -> None:
    assert topic_flaw(name) is None


@given(st.text(max_size=300))
def test_a_name_is_a_topic_exactly_if_the_protocol_says_so(name: str) -> None:
    allowed = re.fullmatch(r"[A-Za-z0-9_.:@/-]{1,255}", name) is not None and not name.endswith("\n")
    assert (topic_flaw(name) is None) is allowed


@pytest.mark.parametrize("name", ["", "a" * 256, "a b", "a\n", "thread:42\r", "ä", "a\x00", "*", 7, None, ["a"]])
def test_anything_else_is_refused_as_a_topic_and_says_so(name: object) -> None:
    flaw = refusal(topic=name)
    assert (flaw.code, flaw.field_name) == (ErrorCode.BAD_TOPIC, "topic")
    assert str(flaw).startswith("topic: must be ")


def test_nobody_may_publish_to_the_control_topic() -> None:
    with pytest.raises(ProtocolError, match="topic: 'system' is reserved"):
        publishable_topic("system")
    assert publishable_topic("system:x") == "system:x"


@pytest.mark.parametrize(("topic", "namespace"), [("thread:42", "thread"), ("thread", "thread"), ("a:b:c", "a")])
def test_the_namespace_is_what_stands_before_the_first_colon(topic: str, namespace: str) -> None:
    assert namespace_of(TopicName(topic)) == namespace


def test_two_messages_with_the_same_fields_are_equal() -> None:
    def message() -> Envelope:
        return Envelope(TraceId(ID), TopicName("t"), "x", 1.0, {"a": 1})

    assert message() == message()


@pytest.mark.parametrize(
    "change", [{"topic": 't","x":"'}, {"type": 'x"'}, {"id": "1"}, {"topic": "system"}, {"key": 5}]
)
def test_what_others_put_into_a_store_is_no_envelope_unless_its_names_keep_the_rules(change: dict[str, object]) -> None:
    kept = envelope_from(GOOD, NOW).as_json()
    stored_envelope(kept, Seq(2), Seq(1))
    with pytest.raises(ProtocolError):
        stored_envelope(kept | change, Seq(2), Seq(1))
