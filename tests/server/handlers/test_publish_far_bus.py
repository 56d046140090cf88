"""A batch on a bus across a network: its messages are on their way together, and each has its own answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from gateways import RunningGateway, running_gateway
from loop_turns import until
from redis_servers import redis_server
from tcp_proxy import TcpProxy, tcp_proxy

from server.handlers.publish import SLICE

pytestmark = pytest.mark.slow


@asynccontextmanager
async def gateway_behind_proxy() -> AsyncIterator[tuple[RunningGateway, TcpProxy]]:
    async with (
        redis_server() as server,
        tcp_proxy(server.port) as proxy,
        running_gateway({"bus.url": f"redis://127.0.0.1:{proxy.port}/0"}) as running,
    ):
        await until(lambda: running.gateway.bus.ready, "the bus to be there")
        yield running, proxy


def batch(size: int) -> list[dict[str, object]]:
    return [{"topic": "t", "type": "n", "data": number} for number in range(size)]


@pytest.mark.gen_test(timeout=20)
async def test_a_batch_is_a_few_round_trips_to_the_bus_and_not_one_for_each_message() -> None:
    chunks: list[bytes] = []

    def count(chunk: bytes) -> bytes:
        chunks.append(chunk)
        return chunk

    async with gateway_behind_proxy() as (running, proxy):
        proxy.change = count
        answer = await running.publish(batch(500))
    assert [item["prev"] for item in answer.body] == [0, *(item["seq"] for item in answer.body[:-1])]
    assert len(chunks) < 50


@pytest.mark.gen_test(timeout=20)
async def test_each_message_of_a_batch_says_that_the_bus_was_lost_under_it(expected_logs: Any) -> None:
    expected_logs.allow("the bus is gone")
    stored = asyncio.Event()

    def swallow(chunk: bytes) -> bytes:
        if chunk.startswith(b"*3"):  # the place of a message
            stored.set()
        return b""

    async with gateway_behind_proxy() as (running, proxy):
        proxy.change = swallow
        publishing = asyncio.ensure_future(running.publish(batch(SLICE)))
        await stored.wait()
        proxy.cut()
        answer = await publishing
    assert answer.status == 200
    assert {item["error"]["code"] for item in answer.body} == {"overloaded"}
    assert all("send it again with the same id" in item["error"]["message"] for item in answer.body)
