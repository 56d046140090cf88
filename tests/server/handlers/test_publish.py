"""``POST /api/publish``: what is stored, what is refused and how, and that ids make it idempotent."""

import asyncio
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from gateways import WITH_TOKENS, RunningGateway, Tab, envelope, running_gateway, token_for
from wire import RawClient

from actors.protocol.envelope import TopicName
from server.handlers.publish import SLICE
from tests.conftest import ExpectedLogs

NASTY_DATA: list[object] = [
    {},
    [],
    "",
    None,
    False,
    0,
    -0.0,
    1e-320,
    1.7976931348623157e308,
    0.1 + 0.2,
    2**53,
    -(2**53),
    "\u0000\u001f\u007f\u2028\u2029",
    "</script>/\\\"'",
    "e\u0301 \U0001f469\u200d\U0001f4bb \ufeff \uffff",
    {"": {" ": [None, [], {}]}, "__proto__": 1, "toString": 2, "topic": "system", "data": {"seq": -1}},
    [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],
    {"large": "ä" * 10_000},
]


@pytest.mark.gen_test
async def test_a_published_message_has_its_place_and_reaches_a_subscriber() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("thread:42")
        answer = await running.publish({"topic": "thread:42", "type": "note", "data": {"content": "Hello"}})
        message = await tab.frame()
    assert answer.status == 200
    assert answer.body == {
        "id": message["id"],
        "topic": "thread:42",
        "seq": message["seq"],
        "prev": 0,
        "duplicate": False,
    }
    assert (message["v"], message["type"], message["data"], message["prev"]) == (1, "note", {"content": "Hello"}, 0)
    assert uuid.UUID(message["id"]).version == 4
    assert abs(message["seq"] / 1e6 - message["ts"]) < 1


@pytest.mark.gen_test
async def test_the_messages_of_a_topic_form_a_chain() -> None:
    async with running_gateway() as running:
        bodies = [(await running.publish({"topic": "t", "type": "n"})).body for _ in range(20)]
        other = (await running.publish({"topic": "u", "type": "n"})).body
    assert [body["prev"] for body in bodies] == [0, *(body["seq"] for body in bodies[:-1])]
    assert sorted({body["seq"] for body in bodies}) == [body["seq"] for body in bodies]
    assert other["prev"] == 0


@pytest.mark.gen_test
async def test_data_arrives_as_it_was_sent() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("t")
        for data in NASTY_DATA:
            answer = await running.publish({"topic": "t", "type": "n", "data": data})
            assert answer.status == 200, (data, answer.body)
            arrived = (await tab.frame())["data"]
            assert arrived == data
            assert type(arrived) is type(data)


@pytest.mark.gen_test
async def test_what_the_gateway_sets_is_not_the_publishers_to_choose_and_unknown_fields_stay() -> None:
    mine = {"ts": 1, "seq": 5, "prev": 4, "re": str(uuid.uuid4()), "key": "row-7", "x_source": {"deep": [1]}}
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("t")
        await running.publish({"topic": "t", "type": "n", **mine})
        message = await tab.frame()
    assert message["key"] == "row-7"
    assert message["x_source"] == {"deep": [1]}
    assert "re" not in message
    assert (message["prev"], message["data"]) == (0, {})
    assert message["seq"] > 1_700_000_000_000_000
    assert message["ts"] > 1_700_000_000


@pytest.mark.gen_test
async def test_of_duplicate_keys_the_last_one_wins() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("t")
        await running.publish('{"topic": "other", "topic": "t", "type": "n", "data": {"a": 1, "a": 2}}')
        assert (await tab.frame())["data"] == {"a": 2}


@pytest.mark.gen_test
async def test_the_same_id_over_http_and_over_a_socket_is_one_message() -> None:
    message = envelope("t", data={"n": 1})
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("t")
        first = (await running.publish(message)).body
        again = (await running.publish(message)).body
        over_socket = await tab.ask(message)
        await running.publish(envelope("t", data="end"))
        while (frame := await tab.frame())["data"] != "end":
            continue
        delivered = [seen for seen in tab.seen if seen["topic"] == "t"]
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert (again["seq"], again["prev"]) == (first["seq"], first["prev"])
    assert over_socket["data"] == {"topic": "t", "seq": first["seq"], "prev": 0, "duplicate": True}
    assert [seen["data"] for seen in delivered] == [{"n": 1}, "end"]
    assert frame["prev"] == first["seq"]


@pytest.mark.gen_test
async def test_the_same_id_on_another_topic_is_another_message() -> None:
    message = envelope("t")
    async with running_gateway() as running:
        assert (await running.publish(message)).body["duplicate"] is False
        assert (await running.publish({**message, "topic": "u"})).body["duplicate"] is False


@pytest.mark.gen_test
async def test_a_batch_is_answered_item_by_item_and_one_bad_item_stops_no_other() -> None:
    batch: list[object] = [envelope("t", data=0), {"topic": "t"}, 7, envelope("system"), envelope("t", data=1)]
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("t")
        answer = await running.publish(batch)
        arrived = [(await tab.frame())["data"] for _ in range(2)]
    assert answer.status == 200
    codes = [item.get("error", {}).get("code") for item in answer.body]
    assert codes == [None, "bad_envelope", "bad_json", "bad_topic", None]
    assert answer.body[4]["prev"] == answer.body[0]["seq"]
    assert arrived == [0, 1]


@pytest.mark.gen_test
async def test_a_thousand_fit_into_a_batch_and_one_more_does_not() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("t")
        refused = await running.publish([{"topic": "t", "type": "n", "data": n} for n in range(1001)])
        assert (refused.status, refused.body["code"]) == (400, "bad_envelope")
        assert "1000" in refused.body["message"] and "1001" in refused.body["message"]
        answer = await running.publish([{"topic": "t", "type": "n", "data": n} for n in range(1000)])
        assert answer.status == 200
        assert [item["prev"] for item in answer.body[1:]] == [item["seq"] for item in answer.body[:-1]]
        assert [(await tab.frame())["data"] for _ in range(1000)] == list(range(1000))


@pytest.mark.gen_test
async def test_others_have_the_loop_while_a_long_batch_is_published() -> None:
    async with running_gateway() as running:
        await running.publish([{"topic": "t", "type": "n", "data": n} for n in range(1000)])
        mailbox = running.gateway.directory.find(TopicName("t"))
    assert mailbox is not None
    assert 1 <= mailbox.high_water <= SLICE


@pytest.mark.gen_test
async def test_an_empty_batch_is_an_empty_answer() -> None:
    async with running_gateway() as running:
        answer = await running.publish("[]")
        assert (answer.status, answer.body) == (200, [])


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ("", "bad_json", "body"),
        ("{", "bad_json", "body"),
        ('"text"', "bad_json", "body"),
        ("null", "bad_json", "body"),
        (b'{"topic":"t","type":"n","data":"\xff"}', "bad_json", "body"),
        ('{"topic":"t","type":"n","data":NaN}', "bad_json", "data"),
        ('{"topic":"t","type":"n","data":-Infinity}', "bad_json", "data"),
        ('{"topic":"t","type":"n","data":1e999}', "bad_json", "data"),
        ('{"topic":"t","type":"n","data":"\\ud800"}', "bad_json", "data"),
        ('{"topic":"t","type":"n","data":{"n":9007199254740993}}', "bad_json", "data.n"),
        ('{"topic":"t","type":"n","data":' + "[" * 32 + "]" * 32 + "}", "bad_json", "data"),
        ('{"topic":"t","type":"n","v":2}', "bad_version", "v"),
        ('{"topic":"t","type":"n","v":true}', "bad_version", "v"),
        ('{"type":"n"}', "bad_topic", "topic"),
        ('{"topic":"","type":"n"}', "bad_topic", "topic"),
        ('{"topic":"a b","type":"n"}', "bad_topic", "topic"),
        ('{"topic":"a\\n","type":"n"}', "bad_topic", "topic"),
        ('{"topic":"' + "t" * 256 + '","type":"n"}', "bad_topic", "topic"),
        ('{"topic":"system","type":"n"}', "bad_topic", "topic"),
        ('{"topic":"t"}', "bad_envelope", "type"),
        ('{"topic":"t","type":"Note"}', "bad_envelope", "type"),
        ('{"topic":"t","type":"' + "n" * 65 + '"}', "bad_envelope", "type"),
        ('{"topic":"t","type":"n","id":"7"}', "bad_envelope", "id"),
        ('{"topic":"t","type":"n","id":null}', "bad_envelope", "id"),
        ('{"topic":"t","type":"n","key":7}', "bad_envelope", "key"),
        ('{"topic":"t","type":"n","key":"' + "k" * 129 + '"}', "bad_envelope", "key"),
    ],
)
async def test_a_body_that_breaks_a_rule_is_400_with_the_field_and_the_rule(
    body: str | bytes, code: str, field: str
) -> None:
    async with running_gateway() as running:
        answer = await running.publish(body)
        assert (answer.status, answer.body["code"]) == (400, code), answer
        assert answer.body["message"].startswith(f"{field}"), answer.body
        assert ": " in answer.body["message"]
        assert len(running.gateway.directory) == 0


@pytest.mark.gen_test
async def test_who_may_not_publish_is_told_401_or_403() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        unknown = await running.publish(envelope("t"))
        assert (unknown.status, unknown.body["code"]) == (401, "unauthorized")
        assert unknown.headers["WWW-Authenticate"] == "Bearer"
        forbidden = await running.publish(envelope("t"), token=token_for(publish=["thread:*"]))
        assert (forbidden.status, forbidden.body["code"]) == (403, "forbidden")
        assert forbidden.body["message"].startswith("topic: ")
        allowed = await running.publish(envelope("thread:42"), token=token_for(publish=["thread:*"]))
        assert allowed.status == 200
        assert len(running.gateway.directory) == 1


@pytest.mark.gen_test
async def test_a_batch_may_hold_what_the_token_forbids_and_the_rest_is_stored() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        batch = [envelope("t"), envelope("thread:42")]
        answer = await running.publish(batch, token=token_for(publish=["thread:*"]))
        assert answer.status == 200
        assert answer.body[0]["error"]["code"] == "forbidden"
        assert answer.body[1]["prev"] == 0


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_405_in_json(method: str) -> None:
    async with running_gateway() as running:
        answer = await running.request(method, "/api/publish")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST, OPTIONS")
        assert answer.headers["Content-Type"].startswith("application/json")
        assert method == "HEAD" or answer.body["code"] == "method_not_allowed"


@pytest.mark.gen_test
@pytest.mark.parametrize("size", [65_537, 70_000, 5_000_000])
async def test_a_body_over_the_limit_is_413_whether_its_size_is_announced_or_not(size: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 10_000):
            yield b"x" * min(10_000, size - start)

    async with running_gateway() as running:
        announced = await running.publish(b"x" * size)
        chunked = await running.request("POST", "/api/publish", chunks=chunks)
        assert (announced.status, announced.body["code"]) == (413, "too_large")
        assert (chunked.status, chunked.body) == (413, announced.body)
        assert announced.body["message"].startswith("body: at most 65536 bytes")
        assert (await running.publish({"topic": "t", "type": "n"})).status == 200


@pytest.mark.gen_test
@pytest.mark.parametrize("size", [60_000, 5_000_000])
async def test_a_client_that_sends_all_before_it_reads_gets_to_read_the_refusal(size: int) -> None:
    async with running_gateway(WITH_TOKENS) as running:
        status, body = await asyncio.to_thread(_post, running.port, b"x" * size)
        assert (status, body["code"]) == (401, "unauthorized")


@pytest.mark.gen_test
async def test_a_body_too_large_even_to_be_thrown_away_is_refused_unread() -> None:
    async with running_gateway() as running, await RawClient.connect(running.port) as client:
        await client.send_bytes(b"POST /api/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        answer = await client.gone()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'"too_large"' in answer


def _post(port: int, body: bytes) -> tuple[int, Any]:
    """By urllib, which writes its whole body before it looks for an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/publish", data=body, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


@pytest.mark.gen_test
async def test_a_body_as_large_as_the_limit_is_taken() -> None:
    message = {"topic": "t", "type": "n", "data": ""}
    message["data"] = "x" * (65_536 - len(json.dumps(message)))
    async with running_gateway() as running:
        assert len(json.dumps(message)) == 65_536
        assert (await running.publish(message)).status == 200


@pytest.mark.gen_test
async def test_a_full_topic_is_503_with_retry_after_and_nothing_is_half_done(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("POST /api/publish 503")
    async with running_gateway({"mailbox.topic_messages": 1}) as running, await running.tab() as tab:
        await tab.subscribe("t")
        # In a batch there is no turn of the loop between two items, so the topic cannot drain.
        messages = [envelope("t", data=n) for n in range(3)]
        batch = await running.publish(messages)
        assert [item.get("error", {}).get("code") for item in batch.body] == [None, "overloaded", "overloaded"]
        assert "try again in 1 s" in batch.body[1]["error"]["message"]
        stored = await running.publish(messages[1])
        assert stored.body["prev"] == batch.body[0]["seq"]
        assert stored.body["duplicate"] is False
        assert [(await tab.frame())["data"] for _ in range(2)] == [0, 1]


@pytest.mark.gen_test
async def test_a_bus_that_is_gone_is_503_with_retry_after(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("POST /api/publish 503")
    async with running_gateway() as running:
        await running.gateway.bus.close()
        answer = await running.publish(envelope("t"))
        assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (503, "overloaded", "1")
        assert answer.body["message"].startswith("bus: ")


@pytest.mark.gen_test
async def test_a_publisher_that_hangs_up_half_way_publishes_nothing() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("t")
        body = json.dumps(envelope("t", data="half")).encode()
        head = f"POST /api/publish HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) + 1}\r\n\r\n".encode()
        async with await RawClient.connect(running.port) as client:
            await client.send_bytes(head + body)
        await _sees_only(tab, running, "whole")


async def _sees_only(tab: Tab, running: RunningGateway, data: str) -> None:
    await running.publish(envelope("t", data=data))
    assert (await tab.frame())["data"] == data


@pytest.mark.gen_test
async def test_the_token_may_come_as_a_query_parameter() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        body = json.dumps(envelope("t"))
        answer = await running.request("POST", f"/api/publish?token={token_for(publish=['*'])}", body)
        assert answer.status == 200


@pytest.mark.gen_test
async def test_too_many_messages_of_one_user_are_429_with_retry_after() -> None:
    settings = {**WITH_TOKENS, "limits.publishes_per_s": 3}
    async with running_gateway(settings) as running:
        ada, bob = (token_for(sub, publish=["*"]) for sub in ("ada", "bob"))
        assert (await running.publish([envelope("t")] * 3, token=ada)).status == 200
        refused = await running.publish(envelope("t"), token=ada)
        assert (refused.status, refused.body["code"], refused.headers["Retry-After"]) == (429, "rate_limited", "1")
        assert refused.body["message"].startswith("limits.publishes_per_s: ")
        assert (await running.publish(envelope("t"), token=bob)).status == 200
