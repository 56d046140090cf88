"""Server-sent events in whatever pieces they come."""

import pytest

from server.testing.dialect import Closed, Ended, Opened, Text, TurnedAway
from server.testing.events_dialect import EventsDialect

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
MESSAGE = b'event: message\nid: c1\ndata: {"a":1}\n\n'
BODY = b"retry: 5\n\n:\n\n" + MESSAGE + b'event: closed\nid: c1\ndata: {"code":1012,"reason":"drain"}\n\n'
SAID = [Opened(), Text('{"a":1}', "c1"), Ended(Closed(1012, "drain"))]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_are_the_same_in_pieces_of_any_size(size: int) -> None:
    dialect, whole = EventsDialect("h", "/", {}), HEAD + BODY
    said = [one for at in range(0, len(whole), size) for one in dialect.feed(whole[at : at + size])]
    assert said == SAID


@pytest.mark.parametrize("size", [1, 1000])
def test_chunks_that_a_proxy_made_are_put_together(size: int) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:20], BODY[20:]))
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    dialect = EventsDialect("h", "/", {})
    assert [one for at in range(0, len(whole), size) for one in dialect.feed(whole[at : at + size])] == SAID


def test_a_refusal_waits_for_its_body_and_gives_its_reason() -> None:
    dialect = EventsDialect("h", "/", {})
    body = b'{"code":"forbidden","message":"no"}'
    assert list(dialect.feed(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(body))) == []
    assert list(dialect.feed(body)) == [TurnedAway(403, "forbidden: no")]
