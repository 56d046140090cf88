"""What frames mean to ``fanwire tail``, and from where it would resume."""

from collections.abc import Mapping
from typing import Any

from actors.protocol.envelope import Seq
from server.cli.tail_session import Drain, Gap, Greeting, Message, Refused, Rejoined, Reply, TailSession

TOPIC = "thread:1"


def _system(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"v": 1, "id": "x", "topic": "system", "type": kind, "ts": 1.0, "data": data}


def _message(seq: int, prev: int, topic: str = TOPIC) -> dict[str, Any]:
    return {"v": 1, "id": f"id-{seq}", "topic": topic, "type": "t", "ts": 1.0, "data": {}, "seq": seq, "prev": prev}


def _subscribed(seq: int, replayed: int = 0) -> dict[str, Any]:
    return _system(
        "subscribed", {"topics": {TOPIC: {"seq": seq, "recovered": True, "replayed": replayed}}, "refused": {}}
    )


def _options(session: TailSession) -> Any:
    data: Any = session.subscribe()["data"]
    return data["topics"][TOPIC]


def test_from_now_on_asks_for_no_position() -> None:
    assert _options(TailSession([TOPIC], None)) == {}


def test_the_first_request_carries_since() -> None:
    assert _options(TailSession([TOPIC], "earliest")) == {"since": "earliest"}


def test_a_quiet_topic_resumes_from_where_it_was_joined() -> None:
    session = TailSession([TOPIC], None)
    assert list(session.take(_subscribed(40))) == []
    assert _options(session) == {"since": 40}


def test_the_answer_on_every_connection_but_the_first_is_told() -> None:
    session = TailSession([TOPIC], None)
    assert list(session.take(_subscribed(40))) == []
    assert list(session.take(_subscribed(50))) == [Rejoined(_subscribed(50))]


def test_a_replay_cut_short_is_asked_for_again() -> None:
    session = TailSession([TOPIC], Seq(10))
    list(session.take(_subscribed(40, replayed=2)))
    list(session.take(_message(30, 10)))
    assert _options(session) == {"since": 30}


def test_a_chain_of_messages_is_shown_without_gaps() -> None:
    session = TailSession([TOPIC], Seq(10))
    frames = [_message(20, 10), _message(30, 20)]
    assert [event for frame in frames for event in session.take(frame)] == [Message(frame) for frame in frames]


def test_a_broken_chain_is_said_before_the_message_behind_it() -> None:
    session = TailSession([TOPIC], Seq(10))
    late = _message(30, 20)
    assert list(session.take(late)) == [Gap(TOPIC, 10, 30, "chain"), Message(late)]


def test_a_gap_that_the_gateway_announced_is_said_once() -> None:
    session = TailSession([TOPIC], Seq(10))
    announced = _system("gap", {"topic": TOPIC, "from": 10, "to": 30, "dropped": 1, "reason": "overflow"})
    late = _message(30, 20)
    events = [event for frame in (announced, late) for event in session.take(frame)]
    assert events == [Gap(TOPIC, 10, 30, "overflow"), Message(late)]


def test_a_message_that_was_shown_is_not_shown_again() -> None:
    session = TailSession([TOPIC], Seq(30))
    assert list(session.take(_message(30, 20))) == []


def test_a_topic_that_was_not_asked_for_is_not_shown() -> None:
    assert list(TailSession([TOPIC], None).take(_message(1, 0, "user:me"))) == []


def test_a_ping_is_answered_with_the_last_ids() -> None:
    session = TailSession([TOPIC], None)
    list(session.take(_message(20, 0)))
    (reply,) = session.take(_system("ping", {"seen": {TOPIC: 20}}))
    assert isinstance(reply, Reply)
    assert (reply.frame["type"], reply.frame["data"]) == ("pong", {"seen": {TOPIC: "id-20"}})


def test_hello_refusals_errors_and_drains_are_told() -> None:
    session = TailSession([TOPIC], None)
    refusal = {"code": "forbidden", "message": "no"}
    frames = [
        _system("hello", {"heartbeat_s": 30}),
        _system("subscribed", {"topics": {}, "refused": {TOPIC: refusal}}),
        _system("error", refusal),
        _system("reconnect", {"after_ms": 1500, "reason": "drain"}),
        _system("of_a_later_version", {}),
    ]
    events = [event for frame in frames for event in session.take(frame)]
    refused = [Refused(topic, "forbidden", "no") for topic in (TOPIC, "")]
    assert events == [Greeting(30.0), *refused, Drain(1.5)]


def test_a_new_epoch_voids_position_0_and_no_other() -> None:
    """A topic without messages has position 0; so has, once the bus has forgotten them, one that had some."""
    session = TailSession(["thread:1", "thread:2"], None)
    joined = {"thread:1": {"seq": 0, "replayed": 0}, "thread:2": {"seq": 20, "replayed": 0}}
    frames = [
        _system("hello", {"heartbeat_s": 30, "epoch": "a"}),
        _system("subscribed", {"topics": joined, "refused": {}}),
        _system("hello", {"heartbeat_s": 30, "epoch": "a"}),
    ]
    assert all(isinstance(event, Greeting) for frame in frames for event in session.take(frame))
    unknown = list(session.take(_system("hello", {"heartbeat_s": 30, "epoch": None})))
    assert unknown == [Greeting(30.0)], "a gateway that has yet to ask its bus"
    reborn = list(session.take(_system("hello", {"heartbeat_s": 30, "epoch": "b"})))
    assert reborn == [Greeting(30.0), Gap("thread:1", None, None, "history")]
