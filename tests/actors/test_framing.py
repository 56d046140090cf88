"""What one client is told, as WebSocket frames and as events with a cursor."""

import json
from typing import Any

from actor_world import delivery
from event_stream import Event, EventParser
from fake_socket import payloads_of

from actors.framing import COMMENT_EVERY_S, WEBSOCKET, EventFraming
from actors.protocol.envelope import Seq, TopicName
from actors.protocol.sse import COMMENT, cursor_from

A, B = TopicName("t:a"), TopicName("t:b")
TOPICS = [A, B]


def read(*parts: bytes) -> list[Event]:
    return EventParser().feed(b"".join(parts))


def positions(event: Event) -> dict[TopicName, Seq]:
    return cursor_from(event.id, TOPICS)


def joined(seq: int, replayed: int = 0, *, recovered: bool = True) -> dict[str, Any]:
    return {"seq": seq, "recovered": recovered, "replayed": replayed}


def subscribed(framing: EventFraming, **topics: dict[str, Any]) -> Event:
    named = {f"t:{name}": answer for name, answer in topics.items()}
    [event] = read(framing.control("subscribed", {"topics": named, "refused": {}}, 1.0))
    return event


def test_a_message_is_the_frame_that_all_sockets_share() -> None:
    message = delivery(10, topic=A)
    assert WEBSOCKET.message(message) is message.frame


def test_a_heartbeat_is_a_ping_frame_and_a_protocol_ping_on_a_socket_and_a_comment_on_a_stream() -> None:
    frames = payloads_of(WEBSOCKET.heartbeat({"seen": {}}, 1.0))
    assert [opcode for opcode, _ in frames] == [0x1, 0x9]
    assert json.loads(frames[0][1])["type"] == "ping"
    assert EventFraming(TOPICS, {}).heartbeat({"seen": {}}, 1.0) == COMMENT


def test_a_stream_has_its_own_rhythm_and_nobody_waits_for_its_word() -> None:
    framing = EventFraming(TOPICS, {})
    assert (framing.heartbeat_s, framing.hears) == (COMMENT_EVERY_S, False) == (15.0, False)
    assert (WEBSOCKET.heartbeat_s, WEBSOCKET.hears) == (None, True)


def test_an_event_carries_the_envelope_and_the_positions_of_all_topics() -> None:
    framing, first, second = EventFraming(TOPICS, {}), delivery(10, topic=A, data="Grüße\n"), delivery(7, 3, topic=B)
    one, two = read(framing.message(first), framing.message(second))
    assert [event.name for event in (one, two)] == ["message", "message"]
    assert json.loads(one.data) == json.loads(first.payload)
    assert positions(one) == {A: 10}
    assert positions(two) == {A: 10, B: 7}


def test_before_anything_came_the_positions_are_those_that_were_asked_for() -> None:
    framing = EventFraming(TOPICS, {B: Seq(5)})
    [event] = read(framing.message(delivery(10, topic=A)))
    assert positions(event) == {A: 10, B: 5}


def test_the_answer_to_the_subscription_moves_those_that_have_missed_nothing() -> None:
    framing = EventFraming(TOPICS, {A: Seq(20)})
    assert positions(subscribed(framing, a=joined(20), b=joined(33))) == {A: 20, B: 33}


def test_while_a_replay_is_on_its_way_the_position_stays_that_of_what_was_written() -> None:
    framing = EventFraming(TOPICS, {A: Seq(20), B: Seq(3)})
    assert positions(subscribed(framing, a=joined(40, 2), b=joined(3))) == {A: 20, B: 3}
    [event] = read(framing.message(delivery(30, 20, topic=A)))
    assert positions(event) == {A: 30, B: 3}


def test_what_cannot_be_recovered_moves_on_to_the_top_or_it_would_be_asked_for_for_ever() -> None:
    framing = EventFraming(TOPICS, {A: Seq(20)})
    assert positions(subscribed(framing, a=joined(90, recovered=False), b=joined(0))) == {A: 90, B: 0}


def test_a_refused_topic_has_no_position() -> None:
    assert positions(subscribed(EventFraming(TOPICS, {}), a=joined(10))) == {A: 10}


def test_hello_gap_and_error_have_no_id_of_their_own() -> None:
    framing = EventFraming(TOPICS, {A: Seq(1)})
    for kind in ("hello", "gap", "error"):
        [event] = read(framing.control(kind, {"code": "x\r\ny"}, 1.0))
        assert (event.name, event.id) == ("message", "")
        assert json.loads(event.data)["type"] == kind


def test_two_streams_do_not_share_their_positions() -> None:
    asked = {A: Seq(1)}
    one, other = EventFraming(TOPICS, asked), EventFraming(TOPICS, asked)
    one.message(delivery(10, topic=A))
    assert asked == {A: 1}
    [event] = read(other.message(delivery(5, topic=B)))
    assert positions(event) == {A: 1, B: 5}
