"""A session on real sockets: every frame that goes either way, and every answer over HTTP, is what the specs say."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from event_stream import Event, EventStream, events_path
from gateways import DRAIN_S, WITH_TOKENS, Answer, RunningGateway, Tab, envelope, running_gateway, token_for
from odd_messages import POSITIONS
from slow_reader import until_blocked
from specs import ASYNCAPI, asyncapi_schema, envelope_schema, openapi_parameter, openapi_schema
from stalled_client import PAYLOAD, publish_many, stalled

from actors.protocol.control_data import FROM_CLIENT, FROM_GATEWAY
from actors.protocol.envelope import SYSTEM
from actors.protocol.faithful import MAX_INTEGER
from tests.conftest import ExpectedLogs

TOPIC = "thread:42"
UNKNOWN_ID = "7c0c3a8e-29d6-4b0b-8f5a-1d5d6d1c0001"
HEARTBEATS: Mapping[str, object] = {"heartbeat.interval_s": 0.1, "heartbeat.timeout_s": 60.0}


class CheckedTab:
    """A tab whose frames are validated as they go and come; ``types`` has those of each direction."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.sent: set[str] = set()
        self.received: set[str] = set()

    async def send(self, frame: Mapping[str, Any]) -> None:
        name = _name_of(frame, "publish")
        asyncapi_schema(name.capitalize()).validate(frame)
        self.sent.add(name)
        await self.tab.send(frame)

    async def frame_of_type(self, wanted: str) -> Any:
        while (frame := await self._frame())["type"] != wanted:
            continue
        return frame

    async def frames_of_types(self, wanted: set[str]) -> None:
        """Until one of each has come, in whatever order."""
        missing = set(wanted)
        while missing:
            missing.discard((await self._frame())["type"])

    async def _frame(self) -> Any:
        frame = await self.tab.frame()
        self.received.add(_check_received(frame))
        return frame

    async def ask(self, type: str, data: object, wanted: str) -> Any:
        """A control frame, and its answer of type ``wanted``."""
        request = envelope("system", type, data)
        await self.send(request)
        answer = await self.frame_of_type(wanted)
        assert answer["re"] == request["id"]
        return answer["data"]


def _name_of(frame: Mapping[str, Any], otherwise: str) -> str:
    return str(frame["type"]) if frame["topic"] == SYSTEM else otherwise


def _check_received(frame: Mapping[str, Any]) -> str:
    """The name of its message in the spec. Raises: ValidationError."""
    name = _name_of(frame, "message")
    assert name in ASYNCAPI["components"]["messages"]
    schema = envelope_schema("DeliveredMessage") if name == "message" else asyncapi_schema(name.capitalize())
    schema.validate(frame)
    return name


def _token() -> str:
    return token_for("ada", subscribe=["thread:*"], publish=["thread:*"], admin=True)


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_every_kind_of_frame_on_a_websocket_is_as_the_spec_says() -> None:
    async with (
        running_gateway({**WITH_TOKENS, **HEARTBEATS}) as running,
        await running.tab(token=_token()) as tab,
    ):
        client = CheckedTab(tab)
        await client.frame_of_type("hello")
        await _resume_and_publish(client)
        await client.frame_of_type("ping")
        await client.send(envelope("system", "pong", {"seen": {TOPIC: UNKNOWN_ID}}))
        await client.ask("auth", {"token": _token()}, "hello")
        assert (await client.ask("unsubscribe", {"topics": [TOPIC]}, "unsubscribed"))["topics"] == [TOPIC]
        stopping = asyncio.ensure_future(running.gateway.stop(DRAIN_S))
        await client.frame_of_type("reconnect")
        closed = await tab.closed()
        await stopping
    assert str(closed.code) in ASYNCAPI["channels"]["websocket"]["x-close-codes"]
    assert client.sent == FROM_CLIENT.keys() | {"publish"}
    assert client.received == FROM_GATEWAY.keys() | {"message"}


async def _resume_and_publish(client: CheckedTab) -> None:
    topics = {TOPIC: {"since": UNKNOWN_ID}, "secret:1": {}}
    joined = await client.ask("subscribe", {"topics": topics}, "subscribed")
    assert (joined["topics"].keys(), joined["refused"].keys()) == ({TOPIC}, {"secret:1"})
    assert (await client.frame_of_type("gap"))["data"]["reason"] == "history"
    await client.send(envelope(TOPIC, data={"n": [1, None]}, key="k", mine=True))
    # Its answer and the message itself, whichever is first.
    await client.frames_of_types({"published", "note"})
    await client.send(envelope("secret:1", data="not for her"))
    assert (await client.frame_of_type("error"))["data"]["code"] == "forbidden"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "reason"), [("drop_oldest", "overflow"), ("drop_newest", "overflow"), ("catch_up", "history")]
)
@pytest.mark.gen_test(timeout=30)
async def test_what_a_slow_client_is_told_is_as_the_spec_says(policy: str, reason: str) -> None:
    topic = f"{policy}:a"
    # Where history is shorter than what was missed, catching up leaves a gap as well.
    async with stalled(topic, **{"history.messages": 30, "topics.catch_up.final": []}) as (running, ws):
        await until_blocked(running, topic, PAYLOAD)
        await publish_many(running, topic, 200)
        ws.unstall()
        await ws.expect("gap", where={"reason": reason})
        received = {_check_received(frame) for frame in ws.received}
    assert received == {"hello", "subscribed", "message", "gap"}


@pytest.mark.gen_test(timeout=20)
async def test_every_event_of_a_stream_is_as_the_spec_says() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        path = events_path([TOPIC, "secret:1"], token=_token())
        async with await EventStream.connected(running.port, path) as stream:
            await stream.frame_of_type("subscribed")
            await running.publish(envelope(TOPIC), token=_token())
            await stream.frame_of_type("note")
            stopping = asyncio.ensure_future(running.gateway.stop(DRAIN_S))
            last = [event async for event in _events_to_the_end(stream)][-1]
            await stopping
        received = {_check_received(frame) for frame in stream.frames}
    assert {"hello", "subscribed", "message"} <= received <= ASYNCAPI["channels"]["events"]["messages"].keys()
    assert last.name == "closed"
    asyncapi_schema("Closed").validate(json.loads(last.data))


@pytest.mark.gen_test(timeout=20)
async def test_answers_that_take_some_doing_are_as_the_spec_says(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow(" 503")
    settings = {**WITH_TOKENS, "server.dev": True, "limits.publishes_per_s": 1.0}
    async with running_gateway(settings) as running:
        sent = envelope(TOPIC, data="Grüße", key="k", mine=1)
        batch = [sent, {"topic": "secret:1", "type": "n"}, 7]
        _check("/api/publish", "post", await running.publish(batch, token=_token()), 200)
        limited = await running.publish(batch, token=_token())
        _check("/api/publish", "post", limited, 429)
        assert int(limited.headers["Retry-After"]) >= 1
        _check("/api/publish", "post", await running.publish("x" * 70_000, token=_token()), 413)
        _check("/api/trace/{id}", "get", await _get(running, f"/api/trace/{sent['id']}"), 200)
        page = await _get(running, f"/api/ws/replay?topic={TOPIC}&after=earliest")
        _check("/api/ws/replay", "get", page, 200)
        assert page.body["messages"][0]["mine"] == 1
        lost = await _get(running, f"/api/ws/replay?topic={TOPIC}&after={UNKNOWN_ID}")
        _check("/api/ws/replay", "get", lost, 410)
        async with await running.tab(token=_token()) as tab:
            await tab.subscribe(TOPIC)
            _check("/api/ops/snapshot", "get", await _get(running, "/api/ops/snapshot"), 200)
        for path in ("/api/ops/config", "/healthz", "/readyz"):
            _check(path, "get", await _get(running, path), 200)
        running.gateway.admission.draining = True
        _check("/readyz", "get", await _get(running, "/readyz"), 503)
        _check("/api/ws", "get", await _get(running, "/api/ws"), 503)
        running.gateway.admission.draining = False


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "topic",
            [TOPIC, "a", "t" * 255, "t" * 256, "", "system", "system:x", "a b", " a", "a\n", "\x00a", "grüße", "7"],
        ),
        ("after", [str(since) for since in POSITIONS if isinstance(since, str | int)]),
        ("after", [str(MAX_INTEGER + 1), "9" * 16, "9" * 30, "1 ", "earliest ", "1\n", "null"]),
        ("limit", ["1", "1000", "0", "1001", "9999", "-1", "1.5", "", " 1", "1\n", "ten", "null"]),
    ],
)
@pytest.mark.gen_test(timeout=20)
async def test_a_question_is_400_exactly_where_the_spec_does_not_have_it(name: str, values: Sequence[str]) -> None:
    schema = openapi_parameter("/api/ws/replay", "get", name)
    async with running_gateway() as running:
        for value in values:
            query = urlencode({"topic": TOPIC, "after": "earliest", name: value})
            answer = await running.request("GET", f"/api/ws/replay?{query}")
            meant = int(value) if re.fullmatch(r"-?[0-9]+", value) and name != "topic" else value
            assert (answer.status != 400) == schema.is_valid(meant), (value, answer)
            openapi_schema("/api/ws/replay", "get", answer.status).validate(answer.body)


async def _get(running: RunningGateway, path: str) -> Answer:
    return await running.request("GET", path, headers={"Authorization": f"Bearer {_token()}"})


def _check(path: str, method: str, answer: Answer, status: int) -> None:
    """Raises: AssertionError, ValidationError, or KeyError where the spec has no such answer."""
    assert answer.status == status, answer
    assert answer.headers["Cache-Control"] == "no-store"
    openapi_schema(path, method, status).validate(answer.body)


async def _events_to_the_end(stream: EventStream) -> AsyncIterator[Event]:
    while (event := await stream.event()) is not None:
        yield event
