"""The traces: a ring of the last messages, by id, without payloads."""

from actor_world import delivery

from actors.protocol.envelope import new_trace_id
from actors.trace import Traces


def test_a_trace_begins_with_what_the_message_says_of_itself() -> None:
    message = delivery(20, 10, topic="thread:42")
    trace = message.trace
    assert (trace.id, trace.topic, trace.type, trace.seq, trace.prev) == (message.id, "thread:42", "x", 20, 10)
    assert (trace.accepted, trace.received, trace.fanned_out, trace.last_written) == (1.0, 0.0, None, None)
    assert (trace.offered, trace.written, trace.replayed, trace.dropped, trace.dead_letter) == (0, 0, 0, None, None)


def test_a_trace_holds_no_payload() -> None:
    trace = delivery(10, data="a secret of the tests").trace
    assert "secret" not in repr([getattr(trace, name) for name in trace.__slots__])


def test_drops_are_counted_by_policy() -> None:
    trace = delivery(10).trace
    for policy in ("latest", "drop_oldest", "latest"):
        trace.drop(policy)
    assert trace.dropped == {"latest": 2, "drop_oldest": 1}


def test_the_ring_forgets_the_oldest_and_knows_every_topic_of_an_id() -> None:
    traces, twice = Traces(limit=3), new_trace_id()
    first, a, b = delivery(1), delivery(2, topic="a", id=twice), delivery(3, topic="b", id=twice)
    for message in (first, a, b):
        traces.keep(message.trace)
    assert list(traces.of(first.id)) == [first.trace]
    assert list(traces.of(twice)) == [a.trace, b.trace]
    traces.keep(delivery(4).trace)
    assert list(traces.of(first.id)) == []
    assert list(traces.of(twice)) == [a.trace, b.trace]
    assert list(traces.of("no such id")) == []
