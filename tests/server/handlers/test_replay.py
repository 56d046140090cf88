"""``GET /api/ws/replay``: every answer and limit; what was published before is in it."""

import asyncio
import logging
from typing import Any
from urllib.parse import urlencode

import pytest
from event_stream import EventStream, events_path
from gateways import SECRET, WITH_TOKENS, Answer, RunningGateway, envelope, running_gateway, token_for

import server.app
from actors.protocol.envelope import TopicName
from actors.topic_page import PAGE_BYTES
from server.auth import issue_token
from server.testing.manual_clock import ManualClock
from tests.conftest import ExpectedLogs

UNKNOWN_ID = "7c0c3a8e-29d6-4b0b-8f5a-1d5d6d1c0001"


async def replay(running: RunningGateway, topic: str = "t:a", after: object = "earliest", **more: object) -> Answer:
    token = more.pop("token", None)
    query = urlencode({"topic": topic, "after": after, **more})
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await running.request("GET", f"/api/ws/replay?{query}", headers=headers)


async def published(running: RunningGateway, count: int, data: object = None, topic: str = "t:a") -> list[int]:
    return [(await running.gateway.publish(topic, "x", data)).seq for _ in range(count)]


def seqs(answer: Answer) -> list[int]:
    assert answer.status == 200, answer
    return [message["seq"] for message in answer.body["messages"]]


@pytest.mark.gen_test
async def test_a_page_has_the_envelopes_as_they_were_the_top_and_whether_it_is_all() -> None:
    async with running_gateway() as running:
        sent = envelope("t:a", data={"text": "Grüße", "n": [1, None]}, key="k", mine="kept")
        placed = (await running.publish(sent)).body
        answer = await replay(running)
        assert set(answer.body) == {"topic", "messages", "seq", "complete"}
        assert (answer.body["topic"], answer.body["seq"], answer.body["complete"]) == ("t:a", placed["seq"], True)
        [message] = answer.body["messages"]
        assert message == {**sent, "ts": message["ts"], "seq": placed["seq"], "prev": 0}


@pytest.mark.gen_test
async def test_an_answer_is_kept_by_nobody_and_has_no_tag_to_ask_again_with() -> None:
    async with running_gateway() as running:
        await published(running, 1)
        first = await replay(running)
        assert first.headers["Cache-Control"] == "no-store"
        assert "Etag" not in first.headers
        assert first.headers["Content-Type"].startswith("application/json")
        again = await running.request("GET", "/api/ws/replay?topic=t:a&after=earliest", headers={"If-None-Match": "*"})
        assert again.status == 200


@pytest.mark.gen_test
async def test_after_is_a_position_an_id_or_earliest() -> None:
    async with running_gateway() as running:
        placed = [(await running.publish(envelope("t:a"))).body for _ in range(4)]
        positions = [one["seq"] for one in placed]
        assert seqs(await replay(running)) == positions
        assert seqs(await replay(running, after=0)) == positions
        for at, one in enumerate(placed):
            assert seqs(await replay(running, after=one["seq"])) == positions[at + 1 :]
            assert seqs(await replay(running, after=one["id"])) == positions[at + 1 :]


@pytest.mark.gen_test
async def test_a_page_is_a_hundred_messages_unless_told_and_a_thousand_at_most() -> None:
    async with running_gateway({"history.messages": 1_500}) as running:
        positions = await published(running, 1_200)
        assert seqs(await replay(running)) == positions[:100]
        assert seqs(await replay(running, limit=1)) == positions[:1]
        assert seqs(await replay(running, limit=1000)) == positions[:1000]
        rest = await replay(running, after=positions[999], limit=1000)
        assert (seqs(rest), rest.body["complete"]) == (positions[1000:], True)


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_pages_joined_are_the_whole_also_while_messages_come(limit: int) -> None:
    async with running_gateway() as running:
        positions = await published(running, 25)
        got: list[int] = []
        while True:
            answer = await replay(running, after=got[-1] if got else "earliest", limit=limit)
            got += seqs(answer)
            assert answer.body["complete"] == (got[-1] == answer.body["seq"])
            if answer.body["complete"]:
                break
            if len(positions) < 40:
                positions += await published(running, 1)
        assert got == positions


@pytest.mark.gen_test(timeout=20)
async def test_a_page_ends_at_about_a_mebibyte_and_the_next_one_goes_on() -> None:
    async with running_gateway() as running:
        positions = await published(running, 30, "x" * 60_000)
        got: list[int] = []
        while len(got) < 30:
            answer = await replay(running, after=got[-1] if got else "earliest", limit=1000)
            assert int(answer.headers["Content-Length"]) < PAGE_BYTES + 70_000
            got += seqs(answer)
        assert got == positions and answer.body["complete"]


@pytest.mark.gen_test
async def test_nothing_behind_the_top_is_an_empty_page() -> None:
    async with running_gateway() as running:
        [seq] = await published(running, 1)
        assert (await replay(running, after=seq)).body == {"topic": "t:a", "messages": [], "seq": seq, "complete": True}


@pytest.mark.gen_test
@pytest.mark.parametrize("after", ["earliest", 0])
async def test_a_topic_that_never_had_a_message_is_an_empty_page(after: object) -> None:
    async with running_gateway() as running:
        body = (await replay(running, "t:never", after)).body
        assert body == {"topic": "t:never", "messages": [], "seq": 0, "complete": True}


@pytest.mark.gen_test
async def test_what_history_has_lost_is_410_and_the_exact_edge_is_not() -> None:
    async with running_gateway({"history.messages": 5}) as running:
        placed = [(await running.publish(envelope("t:a"))).body for _ in range(7)]
        positions = [one["seq"] for one in placed]
        assert seqs(await replay(running, after=positions[1])) == positions[2:]
        assert seqs(await replay(running, after=placed[1]["id"])) == positions[2:]
        for lost in (positions[0], placed[0]["id"], 0, positions[-1] + 1, 12345, UNKNOWN_ID):
            answer = await replay(running, after=lost)
            assert answer.status == 410, lost
            assert set(answer.body) == {"code", "message", "oldest", "seq"}
            assert answer.body["code"] == "history_lost"
            assert (answer.body["oldest"], answer.body["seq"]) == (positions[2], positions[-1])
            assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.gen_test
async def test_after_everything_has_expired_only_the_top_is_a_good_position(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    monkeypatch.setattr(server.app, "LoopClock", lambda: clock)
    async with running_gateway({"history.ttl_s": 60}) as running:
        first, top = await published(running, 2)
        assert seqs(await replay(running)) == [first, top]
        clock.advance(61.0)
        assert (await replay(running, after=top)).body["complete"]
        assert (await replay(running, after=running.gateway.bus.top(TopicName("t:a")).id)).body["complete"]
        answer = await replay(running, after=first)
        assert (answer.status, answer.body["oldest"], answer.body["seq"]) == (410, None, top)
        assert seqs(await replay(running)) == []


BAD = [
    ("", "topic"),
    ("after=earliest", "topic"),
    ("topic=t:a", "after"),
    ("topic=t:a&after=", "after"),
    ("topic=t:a&after=-1", "after"),
    ("topic=t:a&after=1.5", "after"),
    ("topic=t:a&after=latest", "after"),
    ("topic=t:a&after=99999999999999999999999", "after"),
    ("topic=t:a&after=%D9%A3", "after"),
    ("topic=t:a&after=9007199254740993", "after"),
    ("topic=t:a&after=1+", "after"),
    ("topic=t:a&after=earliest%00", "after"),
    ("topic=t:a&after=1%0d%0aX-Evil:+1", "after"),
    ("topic=t:a&after=1&limit=0", "limit"),
    ("topic=t:a&after=1&limit=1001", "limit"),
    ("topic=t:a&after=1&limit=-5", "limit"),
    ("topic=t:a&after=1&limit=", "limit"),
    ("topic=t:a&after=1&limit=ten", "limit"),
    ("topic=t:a&after=1&limit=10+", "limit"),
    ("topic=t:a&after=1&limit=1e2", "limit"),
    ("topic=t:a&after=1&limit=%D9%A3", "limit"),
    ("topic=system&after=1", "topic"),
    ("topic=t+a&after=1", "topic"),
    ("topic=+t:a&after=1", "topic"),
    ("topic=t:a%0d%0aX-Evil:+1&after=1", "topic"),
    (f"topic={'x' * 256}&after=1", "topic"),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("query", "field"), BAD)
async def test_a_bad_question_is_400_names_the_field_and_starts_no_topic(query: str, field: str) -> None:
    async with running_gateway() as running:
        topics = len(running.gateway.directory)
        answer = await running.request("GET", f"/api/ws/replay?{query}")
        assert answer.status == 400
        assert set(answer.body) == {"code", "message"} and answer.body["message"].startswith(field)
        assert "X-Evil" not in answer.headers
        assert len(running.gateway.directory) == topics


@pytest.mark.gen_test
@pytest.mark.parametrize("query", ["topic=%ff&after=1", "topic=t:a&after=%ff", "topic=t:a&after=1&limit=%ff"])
async def test_a_question_that_is_no_text_is_400_without_a_warning(query: str) -> None:
    async with running_gateway() as running:
        assert (await running.request("GET", f"/api/ws/replay?{query}")).status == 400


@pytest.mark.gen_test
async def test_whom_no_good_token_lets_in_is_401() -> None:
    expired = issue_token(SECRET.encode(), sub="ada", ttl_s=60, subscribe=["*"], now=lambda: 1_000_000.0)
    async with running_gateway(WITH_TOKENS) as running:
        for token in (None, "not.a.token", expired):
            answer = await replay(running, token=token)
            assert (answer.status, answer.body["code"]) == (401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.gen_test
async def test_absent_and_present_are_the_same_403_to_whom_the_topic_is_forbidden() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        await published(running, 1, topic="secret:1")
        token = token_for(subscribe=["t:*"], publish=["secret:*"])
        present, absent = [await replay(running, f"secret:{n}", token=token) for n in (1, 2)]
        assert present.status == absent.status == 403
        assert present.body == absent.body
        assert len(running.gateway.directory) == 1


@pytest.mark.gen_test
async def test_ones_own_topic_may_be_read_without_being_listed() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        [seq] = await published(running, 1, topic="user:ada")
        assert seqs(await replay(running, "user:ada", token=token_for())) == [seq]
        assert (await replay(running, "user:eve", token=token_for())).status == 403


@pytest.mark.gen_test
async def test_the_token_may_come_in_the_query_and_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = token_for(subscribe=["t:*"])
    async with running_gateway(WITH_TOKENS) as running:
        await published(running, 1)
        for after in ("earliest", "12345", "rubbish"):
            answer = await running.request("GET", f"/api/ws/replay?topic=t:a&after={after}&token={token}")
            assert answer.status in (200, 410, 400)
            assert token not in str(answer.headers) + str(answer.body)
    assert token.split(".")[2] not in caplog.text


@pytest.mark.gen_test
async def test_a_topic_that_may_not_start_is_503_and_says_when_to_try_again(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("GET /api/ws/replay")
    async with running_gateway({"limits.topics": 1}) as running:
        await published(running, 1)
        answer = await replay(running, "t:b")
        assert (answer.status, answer.body["code"]) == (503, "overloaded")
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await replay(running)).status == 200


@pytest.mark.gen_test
async def test_a_topic_that_failed_on_the_question_is_503(
    monkeypatch: pytest.MonkeyPatch, expected_logs: ExpectedLogs
) -> None:
    expected_logs.allow("GET /api/ws/replay")
    expected_logs.allow("an actor failed")
    expected_logs.allow("actor")

    def fail(*question: Any) -> None:
        raise RuntimeError("asked to fail")

    async with running_gateway() as running:
        [seq] = await published(running, 1)
        await replay(running)
        with monkeypatch.context() as broken:
            broken.setattr("actors.topic.page_of", fail)
            answer = await replay(running)
            assert (answer.status, answer.body["code"]) == (503, "overloaded")
        assert seqs(await replay(running)) == [seq], "the next incarnation has the same history"


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_another_method_is_405(method: str) -> None:
    async with running_gateway() as running:
        body = b"" if method != "DELETE" else None
        assert (await running.request(method, "/api/ws/replay?topic=t:a&after=0", body)).status == 405


@pytest.mark.gen_test
async def test_head_is_the_answer_without_its_body() -> None:
    async with running_gateway() as running:
        await published(running, 3)
        answer = await running.request("HEAD", "/api/ws/replay?topic=t:a&after=earliest")
        assert (answer.status, answer.body) == (200, None)


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_what_was_published_before_the_question_is_in_the_answer() -> None:
    async with running_gateway({"history.messages": 5_000}) as running:
        for _ in range(20):
            batch = [{"topic": "t:a", "type": "x"} for _ in range(150)]
            last = (await running.publish(batch)).body[-1]["seq"]
            # More than one turn of the topic takes at once, asked for in the very turn of their being stored.
            fresh = [(await running.gateway.publish("t:a", "x", n)).seq for n in range(150)]
            answer = await replay(running, after=last, limit=1000)
            assert seqs(answer) == fresh


@pytest.mark.gen_test(timeout=20)
async def test_many_questions_at_once_all_get_the_same_answer() -> None:
    async with running_gateway() as running:
        positions = await published(running, 300)
        answers = await asyncio.gather(*(replay(running, limit=1000) for _ in range(10)))
        assert all(seqs(answer) == positions for answer in answers)


@pytest.mark.gen_test
async def test_a_question_costs_no_connection_and_joins_nothing() -> None:
    async with (
        running_gateway({"limits.connections": 1}) as running,
        await EventStream.connected(running.port, events_path(["t:a"])) as events,
    ):
        await events.frame_of_type("subscribed")
        [seq] = await published(running, 1)
        assert seqs(await replay(running)) == [seq]
        assert len(running.gateway.clients) == running.gateway.admission.connections == 1


@pytest.mark.gen_test
async def test_asking_what_is_in_a_topic_does_not_start_it() -> None:
    async with running_gateway() as running:
        before = len(running.gateway.directory)
        assert (await replay(running, "t:nobody")).body["messages"] == []
        assert len(running.gateway.directory) == before
