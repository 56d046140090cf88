"""``GET /api/events`` for those who are not let in: plain HTTP, the reason, and no slot or actor taken."""

import pytest
from event_stream import EventStream, events_path
from event_streams import refused, stream
from gateways import SECRET, WITH_TOKENS, running_gateway, token_for
from loop_turns import until

from actors.protocol.envelope import TopicName
from actors.protocol.sse import cursor_of
from server.auth import issue_token
from tests.conftest import ExpectedLogs

BAD_TOPICS = ["", "system", "t a", "t:ä", "x" * 256, "t:a\r\nX-Evil: 1", "t:a\n\ndata: evil", "t:\x00"]
MARK = cursor_of([TopicName("t:a"), TopicName("user:anonymous")], {}).split(".")[0]
BAD_CURSORS = [
    "garbage",
    "earliest",
    "1719958453127004",
    f"{MARK}.1",
    f"{MARK}.1.2.3",
    f"{MARK}.x.2",
    f"{MARK}.{2**53:x}.0",
    f"{MARK}.{2**56 - 1:x}.0",
    cursor_of([TopicName("t:b"), TopicName("user:anonymous")], {}),
    cursor_of([TopicName("user:anonymous"), TopicName("t:a")], {}),
    "f" * 8_000,
    f"{MARK}.1.1\r\n\r\nevent: message",
]


@pytest.mark.gen_test
async def test_only_forbidden_topics_are_403() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        path = events_path(["secret:1", "secret:2"], token=token_for(subscribe=["t:*"]))
        answer = await refused(running, path)
        assert (answer.status, answer.body["code"]) == (403, "forbidden")
        assert "secret" not in answer.body["message"]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "token", [None, "not.a.token", issue_token(SECRET.encode(), sub="ada", ttl_s=60, now=lambda: 1_000_000.0)]
)
async def test_no_good_token_is_401(token: str | None) -> None:
    async with running_gateway(WITH_TOKENS) as running:
        answer = await refused(running, events_path(["t:a"], **({} if token is None else {"token": token})))
        assert (answer.status, answer.body["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.gen_test
@pytest.mark.parametrize("topic", BAD_TOPICS)
async def test_what_is_no_topics_name_is_400_and_reaches_no_header(topic: str) -> None:
    async with running_gateway() as running:
        answer = await refused(running, events_path(["t:a", topic]))
        assert (answer.status, answer.body["code"]) == (400, "bad_topic")
        assert "X-Evil" not in answer.headers


@pytest.mark.gen_test
async def test_no_topic_at_all_is_400_and_says_how_to_name_one() -> None:
    async with running_gateway() as running:
        answer = await refused(running, "/api/events")
        assert (answer.status, answer.body["code"]) == (400, "bad_topic")
        assert "/api/events?topic=" in answer.body["message"]


@pytest.mark.gen_test
async def test_one_topic_too_many_is_400_and_as_many_as_are_allowed_are_all_joined() -> None:
    async with running_gateway({"limits.topics_per_client": 3}) as running:
        answer = await refused(running, events_path([f"t:{n}" for n in range(4)]))
        assert (answer.status, answer.body["code"]) == (400, "too_many_topics")
        assert "3" in answer.body["message"]
        for topics in (
            ["t:0", "t:1", "t:2"],
            ["t:0", "t:1", "user:anonymous"],
            ["user:anonymous", "t:0", "t:1", "t:2"],
        ):
            async with await stream(running, *topics) as events:
                assert events.frames[-1]["data"]["refused"] == {}
                assert set(topics) <= set(events.frames[-1]["data"]["topics"])


@pytest.mark.gen_test
@pytest.mark.parametrize("cursor", BAD_CURSORS)
async def test_a_cursor_that_was_not_given_out_for_these_topics_is_400(cursor: str) -> None:
    async with running_gateway() as running:
        answer = await refused(running, events_path(["t:a"], last_event_id=cursor))
        assert (answer.status, answer.body["code"]) == (400, "bad_envelope")
        assert "last_event_id" in answer.body["message"]
        assert len(answer.body["message"]) < 200, "what came is not sent back"
        if "\r" not in cursor:
            assert (await refused(running, events_path(["t:a"]), {"Last-Event-ID": cursor})).status == 400


@pytest.mark.gen_test
async def test_a_cursor_longer_than_any_head_is_refused_and_costs_no_slot(expected_logs: ExpectedLogs) -> None:
    async with running_gateway() as running:
        expected_logs.allow("Unsatisfiable read")
        expected_logs.allow("Malformed HTTP")
        headers = {"Last-Event-ID": "f" * 20_000}
        async with await EventStream.asked(running.port, events_path(["t:a"]), headers=headers) as events:
            assert b" 200 " not in await events.rest()
        assert len(running.gateway.clients) == running.gateway.admission.connections == 0


@pytest.mark.gen_test
@pytest.mark.parametrize("path", [events_path(["t:a"], last_event_id="ended"), "/api/events?topic=t:a"])
async def test_who_was_told_to_stay_away_is_answered_204(path: str) -> None:
    headers = {} if "ended" in path else {"Last-Event-ID": "ended"}
    async with running_gateway(WITH_TOKENS) as running:
        answer = await running.request("GET", path, headers=headers)
        assert (answer.status, answer.body) == (204, None)
        assert len(running.gateway.clients) == 0


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
async def test_another_method_is_405(method: str) -> None:
    async with running_gateway() as running:
        answer = await running.request(method, events_path(["t:a"]), b"" if method in ("POST", "PUT") else None)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, OPTIONS")
        assert len(running.gateway.clients) == running.gateway.admission.connections == 0


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("limit", "status"),
    [("limits.connections", 503), ("limits.connections_per_ip", 429), ("limits.connections_per_user", 429)],
)
async def test_streams_and_sockets_are_counted_together(limit: str, status: int, expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("GET /api/events")
    expected_logs.allow("GET /api/ws")
    async with running_gateway({limit: 2}) as running, await running.tab() as tab:
        await tab.frame()
        async with await stream(running):
            answer = await refused(running, events_path(["t:a"]))
            assert answer.status == status
            assert int(answer.headers["Retry-After"]) > 0
            assert limit.removeprefix("limits.") in answer.body["message"]
            async with await running.tab() as other:
                assert (await other.closed()).code == (1013 if status == 503 else 4429)
            assert running.gateway.admission.connections == 2
        await until(lambda: running.gateway.admission.connections == 1, "the stream's slot")
        async with await stream(running):
            assert running.gateway.admission.connections == 2


@pytest.mark.gen_test
async def test_a_gateway_that_shuts_down_lets_nobody_in(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("GET /api/events")
    async with running_gateway() as running:
        running.gateway.admission.draining = True
        answer = await refused(running, events_path(["t:a"]))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.gen_test
@pytest.mark.parametrize("parameter", ["topic=%ff", "topic=t:a&last_event_id=%ff"])
async def test_a_query_that_is_no_text_is_400_without_a_warning(parameter: str) -> None:
    """Anybody can send it: it is worth no line that wakes an operator, least of all one with the token in it."""
    async with running_gateway(WITH_TOKENS) as running:
        answer = await refused(running, f"/api/events?{parameter}&token={token_for(subscribe=['t:*'])}")
        assert answer.status == 400
