"""What WsHarness does when all goes well, over both transports."""

import asyncio
from collections.abc import Callable

import pytest

from server.testing import STRICT, ManualClock, Wanted, WsHarness, frame_bytes
from server.testing.gateway_on_demand import GatewayOnDemand
from server.testing.websocket_frames import BINARY

Token = Callable[..., str]
both = pytest.mark.parametrize("transport", ["websocket", "sse"])
T = "thread:42"


def client(gateway: GatewayOnDemand, token: Token, transport: str = "websocket", **more: object) -> WsHarness:
    return WsHarness(
        gateway,
        token("ada", subscribe=["thread:*"], publish=["thread:*"]),
        topics=more.pop("topics", [T]),  # type: ignore[arg-type]
        transport=transport,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


@both
@pytest.mark.gen_test
async def test_a_message_is_expected_in_three_lines(gateway: GatewayOnDemand, token: Token, transport: str) -> None:
    async with client(gateway, token, transport) as ws:
        await gateway.publish(T, "thread_message_created", {"content": "Hello"})
        packet = await ws.expect("thread_message_created", timeout=1)
    assert packet["data"]["content"] == "Hello"


def test_it_runs_under_asyncio_run_too(gateway: GatewayOnDemand, token: Token) -> None:
    async def body() -> None:
        async with client(gateway, token) as ws:
            await ws.publish(T, "note", {"n": 1})
            assert (await ws.expect("note"))["data"] == {"n": 1}

    asyncio.run(body())


@pytest.mark.gen_test
async def test_where_and_topic_choose_among_messages(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token, topics=[T, "thread:7"]) as ws:
        for n in range(3):
            await gateway.publish(T, "note", {"n": n})
        await gateway.publish("thread:7", "note", {"n": 9})
        assert (await ws.expect("note", where={"n": 1}))["data"] == {"n": 1}
        assert (await ws.expect("note", topic="thread:7"))["data"] == {"n": 9}
        assert (await ws.expect("note", where=lambda packet: packet["data"]["n"] > 1))["data"] == {"n": 2}


@pytest.mark.gen_test
async def test_messages_of_other_topics_wait_to_be_expected(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token, topics=[T, "thread:7"]) as ws:
        await gateway.publish("thread:7", "first")
        await gateway.publish(T, "second")
        await ws.expect("second")
        await ws.expect("first")


@pytest.mark.gen_test
async def test_a_sequence_is_taken_in_order(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token) as ws:
        for n, type in enumerate(["run_started", "chunk", "chunk", "run_finished"]):
            await gateway.publish(T, type, {"n": n})
        taken = await ws.expect_sequence(["run_started", "chunk", Wanted("chunk", where={"n": 2}), "run_finished"])
        assert [packet["data"]["n"] for packet in taken] == [0, 1, 2, 3]
        await ws.expect_nothing(for_s=0.02)


@both
@pytest.mark.gen_test
async def test_who_was_cut_off_resumes_without_a_gap(gateway: GatewayOnDemand, token: Token, transport: str) -> None:
    async with client(gateway, token, transport) as ws:
        await gateway.publish(T, "before")
        await ws.expect("before")
        ws.drop()
        for _ in range(3):
            await gateway.publish(T, "missed")
        assert (await ws.resume())[T]["replayed"] == 3
        await ws.expect_sequence(["missed"] * 3)
        ws.assert_no_gap()


@both
@pytest.mark.gen_test
async def test_a_topic_can_begin_in_the_past(gateway: GatewayOnDemand, token: Token, transport: str) -> None:
    first = await gateway.publish(T, "first")
    await gateway.publish(T, "second")
    async with client(gateway, token, transport, topics={T: int(first.seq)}) as ws:
        await ws.expect_sequence(["second"])
        ws.assert_no_gap()


@pytest.mark.gen_test
async def test_subscribe_goes_back_and_unsubscribe_ends_it(gateway: GatewayOnDemand, token: Token) -> None:
    for n in range(2):
        await gateway.publish(T, "note", {"n": n})
    async with client(gateway, token, topics=[]) as ws:
        assert (await ws.subscribe(T, since="earliest"))[T]["replayed"] == 2
        await ws.expect_sequence(["note", "note"])
        await ws.unsubscribe(T)
        await gateway.publish(T, "note")
        await ws.expect_nothing(for_s=0.02)


@pytest.mark.gen_test
async def test_a_stalled_client_reads_nothing_until_it_is_told_to(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token) as ws:
        ws.stall()
        await gateway.publish(T, "note")
        seen = len(ws.received)
        async with client(gateway, token, topics={T: "earliest"}) as other:
            await other.expect("note")
        assert len(ws.received) == seen
        ws.unstall()
        await ws.expect("note")


@pytest.mark.gen_test
async def test_hostile_bytes_go_out_as_they_are(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token) as ws:
        await ws.raw(frame_bytes(BINARY, b"\x00"))
        await ws.expect_close(4400, reason="binary")
    async with client(gateway, token) as ws:
        await ws.raw(frame_bytes(0x1, b"{}", masked=False))
        await ws.expect_close(1002)


@both
@pytest.mark.gen_test
async def test_a_refusal_is_expected(gateway: GatewayOnDemand, transport: str) -> None:
    ws = WsHarness(gateway, "no token", topics=[T], transport=transport)  # type: ignore[arg-type]
    refused = await ws.expect_refused({"websocket": 4401, "sse": 401}[transport])
    assert "token" in refused.reason


@pytest.mark.gen_test
async def test_time_passes_by_the_manual_clock(
    gateway: GatewayOnDemand, token: Token, manual_clock: ManualClock
) -> None:
    async with WsHarness(gateway, token("ada", ttl_s=60)) as ws:
        manual_clock.advance(61)
        await ws.expect_close(4401, reason="expired")


@pytest.mark.gen_test
async def test_heartbeats_are_answered_unless_a_test_says_no(gateway: GatewayOnDemand, token: Token) -> None:
    clock = ManualClock()
    settings = {"auth.mode": "disabled", "heartbeat.interval_s": 30, "heartbeat.timeout_s": 60}
    made = GatewayOnDemand(settings, clock)
    async with WsHarness(made) as lively, WsHarness(made, answers=False) as silent:
        for _ in range(2):
            clock.advance(30)
            await lively.expect("ping")
            # Its pong has been read once the gateway answers what was sent behind it.
            await lively.subscribe(T)
        clock.advance(30)
        await silent.expect_close(4408)
        assert lively.closed is None
        assert "system pong" in lively.transcript and "pong" not in silent.transcript
    await made.stop()


@pytest.mark.gen_test
async def test_strict_limits_are_met_in_tests(gateway: GatewayOnDemand, token: Token) -> None:
    async with gateway(STRICT) as small:
        many = [f"thread:{n}" for n in range(6)]
        async with WsHarness(small, token(subscribe=["*"])) as ws:
            answer = await ws.ask("subscribe", {"topics": many})
            assert [told["code"] for told in answer["data"]["refused"].values()] == ["too_many_topics"]


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_gateway_in_its_own_process_is_spoken_to_alike(gateway: GatewayOnDemand, token: Token) -> None:
    async with gateway.process() as process, client(process, token, timeout=5) as ws:  # type: ignore[arg-type]
        await process.publish(T, "note", {"n": 1})
        await ws.expect("note", where={"n": 1})
        await process.stop()
        await ws.expect_close(1012)
