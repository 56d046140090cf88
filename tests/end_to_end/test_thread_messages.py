"""A thread as its readers see it: a run of an agent, told over HTTP, and read over both transports at once."""

import asyncio
from collections.abc import Callable

import pytest

from server.testing import Wanted, WsHarness
from server.testing.gateway_on_demand import GatewayOnDemand

Token = Callable[..., str]
T = "thread:42"
CHUNKS = 20
RUN = ["run_started", "thread_message_created", *["stream_chunk"] * CHUNKS, "run_finished"]


async def tell(gateway: GatewayOnDemand, topic: str = T) -> None:
    await gateway.publish(topic, "run_started")
    await gateway.publish(topic, "thread_message_created", {"content": ""})
    for n in range(CHUNKS):
        await gateway.publish(topic, "stream_chunk", {"index": n})
    await gateway.publish(topic, "run_finished")


@pytest.mark.gen_test
async def test_readers_of_both_transports_see_the_same_run(gateway: GatewayOnDemand, token: Token) -> None:
    ada, bob = token("ada", subscribe=["thread:*"]), token("bob", subscribe=["thread:*"])
    async with (
        WsHarness(gateway, ada, topics=[T]) as by_socket,
        WsHarness(gateway, bob, topics=[T], transport="sse") as by_events,
    ):
        await tell(gateway)
        seen = await by_socket.expect_sequence(RUN)
        assert [packet["data"]["index"] for packet in seen[2:-1]] == list(range(CHUNKS))
        assert await by_events.expect_sequence(RUN) == seen


@pytest.mark.gen_test
async def test_who_comes_in_the_middle_of_a_run_gets_all_of_it_once(gateway: GatewayOnDemand, token: Token) -> None:
    await gateway.started()
    telling = asyncio.ensure_future(tell(gateway))
    async with WsHarness(gateway, token(subscribe=[T]), topics={T: "earliest"}) as ws:
        await ws.expect_sequence(RUN)
        ws.assert_no_gap()
    await telling


@pytest.mark.gen_test
async def test_a_reader_hears_of_its_own_threads_alone(gateway: GatewayOnDemand, token: Token) -> None:
    async with WsHarness(gateway, token(subscribe=[T]), topics=[T]) as ws:
        await tell(gateway, "thread:7")
        await tell(gateway)
        await ws.expect_sequence([Wanted(type, T) for type in RUN])
        await ws.expect_nothing(for_s=0.02)
