"""What is used up, and what reaches in from outside: descriptors, topics, web pages of strangers, early goodbyes."""

import asyncio
import resource
import sys
from typing import Any

import pytest
from gateways import envelope, running_gateway
from wire import RawClient

from server.testing.server_process import ServerProcess

FEW_DESCRIPTORS = 80
GATEWAY = [sys.executable, "-m", "server.cli", "serve", "--dev", "--port", "{port}"]


def _with_few_descriptors() -> list[str]:
    limit = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({FEW_DESCRIPTORS},) * 2); "
    return [sys.executable, "-c", limit + "os.execv(sys.executable, sys.argv[1:])", *GATEWAY]


def _cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_without_descriptors_the_gateway_waits_quietly_and_recovers() -> None:
    async with ServerProcess(_with_few_descriptors(), ready="Fanwire runs") as gateway:
        crowd = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(2 * FEW_DESCRIPTORS)]
        await gateway.wait_for_log("no connection can be accepted for a moment")
        assert gateway.pid is not None
        before = _cpu_s(gateway.pid)
        await gateway.wait_for_log("no connection can be accepted for a moment")
        assert _cpu_s(gateway.pid) - before < 0.5
        for _, writer in crowd:
            writer.close()
        client = await RawClient.upgraded(gateway.port)
        assert b"hello" in (await client.frame()).payload
        client.close()
        assert "Traceback" not in gateway.log


@pytest.mark.slow
@pytest.mark.gen_test(timeout=60)
async def test_the_soft_limit_of_descriptors_is_raised_to_the_hard_one() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, {hard})); "
    program = limit + "os.execv(sys.executable, sys.argv[1:])"
    async with ServerProcess([sys.executable, "-c", program, *GATEWAY], ready="Fanwire runs") as gateway:
        with open(f"/proc/{gateway.pid}/limits") as limits:  # noqa: PTH123
            (row,) = [line for line in limits if line.startswith("Max open files")]
        assert row.split()[3] == row.split()[4]


@pytest.mark.gen_test
async def test_more_topics_than_the_limit_are_refused_and_those_that_nobody_needs_make_room(
    expected_logs: Any,
) -> None:
    expected_logs.allow("POST /api/publish 503")
    async with running_gateway({"limits.topics": 3}) as gateway:
        tab = await gateway.tab()
        await tab.frame_of_type("hello")
        answer = await tab.subscribe("a", "b", "c")
        assert answer["refused"]["c"]["code"] == "overloaded"
        assert (await gateway.publish({"topic": "d", "type": "x"})).status == 503
        await tab.ask(envelope("system", "unsubscribe", {"topics": ["a"]}))
        assert (await gateway.publish({"topic": "d", "type": "x"})).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({}, 200),
    ],
)
@pytest.mark.gen_test
async def test_a_page_from_elsewhere_cannot_publish_to_a_gateway_without_authentication(
    headers: dict[str, str], status: int
) -> None:
    async with running_gateway() as gateway:
        body = b'{"topic":"a","type":"x"}'
        assert (await gateway.request("POST", "/api/publish", body, headers=headers)).status == status


@pytest.mark.parametrize("length", ["9" * 5000, "\u00b2"])
@pytest.mark.gen_test
async def test_a_content_length_that_is_no_number_of_ours_is_no_failure_of_the_gateway(length: str) -> None:
    async with running_gateway() as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        head = f"POST /api/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
        writer.write(head.encode("latin-1"))
        async with asyncio.timeout(5):
            status = await reader.readline()
        assert b" 500 " not in status
        writer.close()


@pytest.mark.gen_test
async def test_the_users_own_topic_resumes_from_since_although_it_is_joined_from_the_start() -> None:
    async with running_gateway() as gateway:
        first = await gateway.tab()
        await first.frame_of_type("hello")
        await gateway.publish({"topic": "user:anonymous", "type": "x", "data": 1})
        last = (await first.frame_of_type("x"))["seq"]
        await first.connection.close()
        for number in (2, 3):
            await gateway.publish({"topic": "user:anonymous", "type": "x", "data": number})
        second = await gateway.tab()
        await second.frame_of_type("hello")
        answer = await second.ask(envelope("system", "subscribe", {"topics": {"user:anonymous": {"since": last}}}))
        assert answer["data"]["topics"]["user:anonymous"]["replayed"] == 2
        assert [(await second.frame_of_type("x"))["data"] for _ in range(2)] == [2, 3]


@pytest.mark.gen_test
async def test_where_live_messages_came_first_the_own_topics_older_ones_are_told_as_a_gap() -> None:
    async with running_gateway() as gateway:
        placed = (await gateway.publish({"topic": "user:anonymous", "type": "x", "data": 1})).body
        await gateway.publish({"topic": "user:anonymous", "type": "x", "data": 2})
        tab = await gateway.tab()
        await tab.frame_of_type("hello")
        await gateway.publish({"topic": "user:anonymous", "type": "x", "data": 3})
        await tab.frame_of_type("x")
        answer = await tab.ask(
            envelope("system", "subscribe", {"topics": {"user:anonymous": {"since": placed["seq"]}}})
        )
        assert answer["data"]["topics"]["user:anonymous"]["recovered"] is False
        assert (await tab.frame_of_type("gap"))["data"]["from"] == placed["seq"]


@pytest.mark.gen_test
async def test_leaving_the_own_topic_at_once_is_answered_for_what_it_is() -> None:
    async with running_gateway() as gateway:
        tab = await gateway.tab()
        answer = await tab.ask(envelope("system", "unsubscribe", {"topics": ["user:anonymous"]}))
        assert answer["data"] == {"topics": ["user:anonymous"]}


@pytest.mark.gen_test
async def test_a_minus_without_digits_is_no_number() -> None:
    async with running_gateway() as gateway:
        refused = await gateway.request("POST", "/api/publish", b'{"topic":"a","type":"x","data":{"n":-}}')
        assert (refused.status, refused.body["code"]) == (400, "bad_json")
        prose = await gateway.request("POST", "/api/publish", b'{"topic":"a","type":"x","data":"a - b"}')
        assert prose.status == 200
