"""A topic's own mailbox is full: its publishers are told, nobody else is, and what was refused never happened."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from gateways import RunningGateway, envelope, running_gateway
from ledger import received_of, walk_chain
from slow_reader import SlowReader
from wire import TEXT, RawClient, frame_bytes

from server.testing import WsHarness
from tests.conftest import ExpectedLogs

BOUND = 5
SETTINGS: dict[str, object] = {"mailbox.topic_messages": BOUND, "limits.client_messages_per_s": 1e6}


def _reader(running: RunningGateway, *topics: str) -> WsHarness:
    return WsHarness(running, topics=topics, timeout=15)


@pytest.mark.gen_test(timeout=20)
async def test_exactly_what_overfills_a_batch_is_refused_and_other_topics_in_it_are_not() -> None:
    """A batch is published in one go, so that its topic gets no turn in between: the bound is met to the message."""
    async with running_gateway(SETTINGS) as running, _reader(running, "full", "other") as ws:
        batch = [envelope("full", data=n) for n in range(BOUND + 3)] + [envelope("other", data="fine")]
        results = (await running.publish(batch)).body
        assert ["error" in result for result in results] == [False] * BOUND + [True] * 3 + [False]
        assert {result["error"]["code"] for result in results[BOUND:-1]} == {"overloaded"}
        again = (await running.publish(batch[BOUND])).body
        assert (again["prev"], again["duplicate"]) == (results[BOUND - 1]["seq"], False)
        await ws.expect_position(again["seq"], topic="full")
        accepted = [result["seq"] for result in [*results[:BOUND], again]]
        assert walk_chain("full", ws.received, accepted) == []
        await ws.expect_position(results[-1]["seq"], topic="other")
        assert received_of("other", ws.received) == [results[-1]["seq"]]


@pytest.mark.gen_test(timeout=20)
async def test_a_publisher_that_finds_the_topic_full_gets_503_and_when_to_come_back(
    expected_logs: ExpectedLogs,
) -> None:
    expected_logs.allow("POST /api/publish 503")
    async with running_gateway(SETTINGS) as running, _reader(running, "full", "other") as ws:
        bodies = [envelope("full", data=n) for n in range(10 * BOUND)] + [envelope("other", data="fine")]
        answers = await _all_at_once(running, bodies)
        *full, other = answers
        assert other[0] == 200
        statuses = {status for status, _, _ in full}
        assert statuses == {200, 503}, "nothing was refused: this shows nothing"
        for status, head, body in full:
            assert ("retry-after: 1" in head.lower()) == (status == 503)
            assert body["code"] == "overloaded" if status == 503 else body["duplicate"] is False
        accepted = sorted(body["seq"] for status, _, body in full if status == 200)
        assert len(accepted) >= BOUND
        last = (await running.publish(envelope("full"))).body["seq"]
        await ws.expect_position(last, topic="full")
        assert walk_chain("full", ws.received, [*accepted, last]) == []


async def _all_at_once(running: RunningGateway, bodies: Sequence[object]) -> list[tuple[int, str, Any]]:
    """Every request on a connection of its own, all of them written before the gateway reads the first."""
    clients = [await RawClient.connect(running.port) for _ in bodies]
    for client, body in zip(clients, bodies, strict=True):
        text = json.dumps(body)
        head = f"POST /api/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(text)}\r\nConnection: close"
        client.send_now(f"{head}\r\n\r\n{text}".encode())
    answers = []
    for client in clients:
        head = await client.head()
        answers.append((int(head.split()[1]), head, json.loads(await client.gone())))
        client.close()
    return answers


@pytest.mark.gen_test(timeout=20)
async def test_a_client_that_publishes_into_a_full_topic_is_told_overloaded_on_its_own_connection() -> None:
    async with running_gateway(SETTINGS) as running, _reader(running, "full") as ws:
        publishers = [SlowReader(await RawClient.upgraded(running.port)) for _ in range(4 * BOUND)]
        requests = [envelope("full", data=n) for n in range(len(publishers))]
        for publisher, request in zip(publishers, requests, strict=True):
            publisher.client.send_now(frame_bytes(TEXT, json.dumps(request).encode()))
        answers = [
            await _answer(publisher, request["id"]) for publisher, request in zip(publishers, requests, strict=True)
        ]
        kinds = {answer["type"] for answer in answers}
        assert kinds == {"published", "error"}, "nothing was refused: this shows nothing"
        refused = [answer["data"] for answer in answers if answer["type"] == "error"]
        assert {(data["code"], data["topic"]) for data in refused} == {("overloaded", "full")}
        accepted = sorted(answer["data"]["seq"] for answer in answers if answer["type"] == "published")
        last = (await running.publish(envelope("full"))).body["seq"]
        await ws.expect_position(last, topic="full")
        assert walk_chain("full", ws.received, [*accepted, last]) == []
        assert len(running.gateway.clients) == 1 + len(publishers)
        for publisher in publishers:
            publisher.client.close()
        while len(running.gateway.clients) > 1:
            await asyncio.sleep(0)


async def _answer(publisher: SlowReader, request_id: str) -> Any:
    await publisher.read_until(lambda frame: frame.get("re") == request_id)
    return publisher.frames[-1]
