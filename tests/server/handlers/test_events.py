"""``GET /api/events`` over real sockets: what a stream says first, how its messages come, and what stays secret."""

import json
import logging

import pytest
from event_stream import EventStream, events_path
from event_streams import refused, stream, until_empty
from gateways import WITH_TOKENS, envelope, running_gateway, token_for

from actors.protocol.envelope import Seq, TopicName
from actors.protocol.sse import cursor_of


@pytest.mark.gen_test
async def test_a_stream_begins_with_a_delay_hello_and_the_answer_to_its_subscription() -> None:
    async with running_gateway({"mailbox.messages": 7}) as running, await stream(running, "t:a", "t:b") as events:
        hello, subscribed = events.frames
        assert [frame["type"] for frame in events.frames] == ["hello", "subscribed"]
        assert events.parser.retry_ms is not None and 500 <= events.parser.retry_ms <= 1500
        assert hello["data"]["user"] == "anonymous"
        assert hello["data"]["heartbeat_s"] == 15
        assert hello["data"]["mailbox"] == {"messages": 7, "bytes": 1048576}
        assert set(subscribed["data"]["topics"]) == {"t:a", "t:b", "user:anonymous"}
        assert subscribed["data"]["refused"] == {}
        assert events.ids[0] == "" and events.last_event_id.count(".") == 3


@pytest.mark.gen_test
async def test_the_head_is_that_of_a_stream_which_nobody_may_keep_or_collect() -> None:
    async with running_gateway() as running, await stream(running) as events:
        assert events.header("Content-Type") == "text/event-stream; charset=utf-8"
        assert events.header("Cache-Control") == "no-store"
        assert events.header("X-Accel-Buffering") == "no"
        assert events.header("X-Content-Type-Options") == "nosniff"
        assert [events.header(name) for name in ("Content-Length", "Server", "Etag", "Transfer-Encoding")] == [None] * 4


@pytest.mark.gen_test
async def test_messages_come_as_they_were_published_each_with_a_cursor_of_all_topics() -> None:
    async with running_gateway() as running, await stream(running, "t:a", "t:b") as events:
        one = envelope("t:a", data={"text": "Grüße\n\r\u2028"})
        first = (await running.publish(one)).body["seq"]
        second = (await running.publish(envelope("t:b"))).body["seq"]
        received = [await events.frame(), await events.frame()]
        assert [frame["seq"] for frame in received] == [first, second]
        assert (received[0]["id"], received[0]["data"]) == (one["id"], one["data"])
        topics = [TopicName(name) for name in ("t:a", "t:b", "user:anonymous")]
        positions = dict(zip(topics, map(Seq, (first, second, 0)), strict=True))
        assert events.last_event_id == cursor_of(topics, positions)


@pytest.mark.gen_test
async def test_the_users_own_topic_is_heard_unasked() -> None:
    async with (
        running_gateway(WITH_TOKENS) as running,
        await stream(running, "t:a", token=token_for(subscribe=["t:*"])) as events,
    ):
        await running.gateway.publish("user:ada", "greeting", {})
        assert (await events.frame())["topic"] == "user:ada"


@pytest.mark.gen_test
async def test_a_topic_named_twice_is_one() -> None:
    async with running_gateway() as running, await stream(running, "t:a", "t:a") as events:
        await running.gateway.publish("t:a", "x", 1)
        await running.gateway.publish("t:a", "x", 2)
        assert [(await events.frame())["data"] for _ in range(2)] == [1, 2]


@pytest.mark.gen_test
@pytest.mark.parametrize("as_header", [True, False])
async def test_the_token_comes_in_a_header_or_in_the_query(as_header: bool) -> None:
    token = token_for(subscribe=["t:*"])
    headers, parameters = ({"Authorization": f"Bearer {token}"}, {}) if as_header else ({}, {"token": token})
    async with running_gateway(WITH_TOKENS) as running:
        path = events_path(["t:a"], **parameters)
        async with await EventStream.connected(running.port, path, headers=headers) as events:
            assert (await events.frame())["data"]["user"] == "ada"
            assert token not in events.head


@pytest.mark.gen_test
async def test_a_topic_that_is_forbidden_beside_one_that_is_not_is_named_in_the_answer() -> None:
    async with (
        running_gateway(WITH_TOKENS) as running,
        await stream(running, "t:a", "secret:1", token=token_for(subscribe=["t:*"])) as events,
    ):
        data = events.frames[-1]["data"]
        assert set(data["topics"]) == {"t:a", "user:ada"}
        assert data["refused"]["secret:1"]["code"] == "forbidden"
        assert ".-." in events.last_event_id
        await running.gateway.publish("secret:1", "x", {})
        await running.gateway.publish("t:a", "x", {})
        assert (await events.frame())["topic"] == "t:a"


@pytest.mark.gen_test
async def test_the_header_goes_before_the_parameter() -> None:
    """A page's first request may carry the parameter; what the browser adds by itself is newer."""
    async with running_gateway() as running:
        async with await stream(running) as events:
            old = events.last_event_id
            seq = (await running.gateway.publish("t:a", "x", 1)).seq
            await events.until_at(seq)
            new = events.last_event_id
        path = events_path(["t:a"], last_event_id=old)
        async with await EventStream.connected(running.port, path, headers={"Last-Event-ID": new}) as events:
            data = (await events.frame_of_type("subscribed"))["data"]
            assert data["topics"]["t:a"] == {"seq": seq, "recovered": True, "replayed": 0}


@pytest.mark.gen_test
async def test_a_token_is_in_no_log_and_in_no_header(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = token_for(subscribe=["t:*"])
    async with running_gateway(WITH_TOKENS) as running:
        async with await stream(running, "t:a", token=token) as events:
            assert token not in events.head
            assert token not in json.dumps(events.frames)
        await until_empty(running)
        for path in (events_path(["no topic"], token=token), events_path(["secret:1"], token=token)):
            answer = await refused(running, path)
            assert token not in str(answer.headers) + json.dumps(answer.body)
        assert token.split(".")[2] not in caplog.text
