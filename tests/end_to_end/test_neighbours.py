"""Several clients on one gateway: order, own messages, heartbeats, and a slow reader that costs nobody else."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from gateways import WITH_TOKENS, RunningGateway, Tab, envelope, running_gateway, token_for
from node_peers import Closed, NodeWebSocket
from wire import CLOSE, PING, PONG, TEXT, RawClient

from actors.clients import Client

FAST_HEARTBEAT = {"heartbeat.interval_s": 0.2, "heartbeat.timeout_s": 0.5}


def _subscribe(*topics: str) -> bytes:
    return json.dumps(envelope("system", "subscribe", {"topics": list(topics)})).encode()


async def _notes(tab: Tab, count: int) -> list[Any]:
    """The next messages of the one topic that a test publishes to: a chain without a gap."""
    messages = [await tab.frame_of_type("note") for _ in range(count)]
    assert [message["prev"] for message in messages[1:]] == [message["seq"] for message in messages[:-1]]
    return messages


async def _data_of(tab: Tab, count: int) -> list[object]:
    return [message["data"] for message in await _notes(tab, count)]


@pytest.mark.gen_test
async def test_a_publisher_gets_its_own_message_where_it_is_subscribed() -> None:
    async with running_gateway() as running, await running.tab() as talker, await running.tab() as listener:
        await talker.subscribe("t")
        await listener.subscribe("t")
        message = envelope("t", data="hello")
        placed = await talker.ask(message)
        assert placed["type"] == "published"
        assert placed["data"] == {"topic": "t", "seq": placed["data"]["seq"], "prev": 0, "duplicate": False}
        heard = await listener.frame_of_type("note")
        own = [frame for frame in talker.seen if frame["type"] == "note"] or [await talker.frame_of_type("note")]
        assert own == [heard]
        assert (heard["id"], heard["seq"]) == (message["id"], placed["data"]["seq"])


@pytest.mark.gen_test
async def test_every_subscriber_sees_the_same_order_whoever_publishes() -> None:
    async with running_gateway() as running, AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(await running.tab()) for _ in range(4)]
        for tab in tabs:
            await tab.subscribe("t")
        await asyncio.gather(*(_say(tab, speaker) for speaker, tab in enumerate(tabs)))
        heard = [[message["data"] for message in await _notes(tab, 40)] for tab in tabs]
    assert heard[1:] == heard[:-1]
    for speaker in range(4):
        assert [n for who, n in heard[0] if who == speaker] == list(range(10))


async def _say(tab: Tab, speaker: int) -> None:
    for n in range(10):
        await tab.send(envelope("t", data=[speaker, n]))


@pytest.mark.gen_test
async def test_only_subscribers_hear_a_topic_and_after_unsubscribing_nobody_does() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("a", "b")
        reply = await tab.ask(envelope("system", "unsubscribe", {"topics": ["a", "never.joined"]}))
        assert (reply["type"], sorted(reply["data"]["topics"])) == ("unsubscribed", ["a", "never.joined"])
        for topic in ("a", "c", "b"):
            await running.publish(envelope(topic, data=topic))
        assert (await tab.frame_of_type("note"))["data"] == "b"


@pytest.mark.gen_test
async def test_subscribing_twice_brings_each_message_once() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("t")
        await tab.subscribe("t", "t")
        for n in range(3):
            await running.publish(envelope("t", data=n))
        assert await _data_of(tab, 3) == [0, 1, 2]


@pytest.mark.gen_test
async def test_the_answer_comes_first_then_what_was_missed_then_what_is_live() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        placed = [(await running.publish(envelope("t", data=n))).body for n in range(5)]
        request = envelope("system", "subscribe", {"topics": {"t": {"since": placed[1]["seq"]}}})
        await tab.send(request)
        await tab.send(envelope("t", data=5))
        data = await _data_of(tab, 4)
    assert data == [2, 3, 4, 5]
    kinds = [frame["type"] for frame in tab.seen]
    assert kinds[:2] == ["hello", "subscribed"]
    answer = tab.seen[1]
    assert answer["re"] == request["id"]
    assert answer["data"] == {
        "topics": {"t": {"seq": placed[4]["seq"], "recovered": True, "replayed": 3}},
        "refused": {},
    }


@pytest.mark.gen_test
async def test_a_position_that_is_no_link_of_the_chain_is_a_gap_and_never_a_partial_replay() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        placed = (await running.publish(envelope("t", data=0))).body
        reply = await tab.ask(envelope("system", "subscribe", {"topics": {"t": {"since": placed["seq"] - 1}}}))
        assert reply["data"]["topics"]["t"] == {"seq": placed["seq"], "recovered": False, "replayed": 0}
        gap = (await tab.frame())["data"]
        assert (gap["topic"], gap["to"], gap["reason"]) == ("t", placed["seq"], "history")


@pytest.mark.gen_test
async def test_a_user_hears_their_own_topic_from_the_start() -> None:
    settings = WITH_TOKENS
    async with running_gateway(settings) as running, await running.tab(token=token_for("ada")) as tab:
        await tab.frame_of_type("hello")
        await tab.subscribe()
        await running.publish(envelope("user:ada", data="psst"), token=token_for("app", publish=["user:*"]))
        assert (await tab.frame_of_type("note"))["data"] == "psst"


@pytest.mark.slow
@pytest.mark.gen_test
async def test_json_and_protocol_pings_arrive_and_a_silent_client_is_closed_4408() -> None:
    async with running_gateway(FAST_HEARTBEAT) as running, await RawClient.upgraded(running.port) as client:
        placed = (await running.publish(envelope("t"))).body
        await client.send(TEXT, _subscribe("t"))
        frames = []
        while (frame := await client.frame()) is not None and frame.opcode != CLOSE:
            frames.append(frame)
        assert frame is not None
        assert Closed(int.from_bytes(frame.payload[:2]), frame.payload[2:].decode()) == Closed(
            4408, "no sign of life for 0.5 s"
        )
        assert PING in [frame.opcode for frame in frames]
        texts = [json.loads(frame.payload) for frame in frames if frame.opcode == TEXT]
        ping = next(text for text in texts if text["type"] == "ping")
        assert ping["data"]["seen"]["t"] == placed["seq"]
        assert ping["data"]["mailbox"] == {"depth": 0, "high_water": 0, "dropped": 0}


@pytest.mark.slow
@pytest.mark.gen_test
@pytest.mark.parametrize("sign_of_life", [(PONG, b""), (PING, b""), (TEXT, b'{"v":1,"topic":"system","type":"pong"}')])
async def test_any_frame_from_a_client_proves_that_it_lives(sign_of_life: tuple[int, bytes]) -> None:
    async with running_gateway(FAST_HEARTBEAT) as running, await RawClient.upgraded(running.port) as client:
        pings = 0
        while pings < 5:
            frame = await client.frame()
            assert frame is not None and frame.opcode != CLOSE
            if frame.opcode == PING:
                pings += 1
                await client.send(*sign_of_life)


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_client_that_answers_protocol_pings_only_stays() -> None:
    settings = FAST_HEARTBEAT
    async with running_gateway(settings) as running, NodeWebSocket(running.ws_url) as peer:
        for _ in range(5):
            await peer.frame_of_type("ping")
        await peer.send(envelope("t"))
        assert (await peer.frame_of_type("published"))["data"]["topic"] == "t"


@pytest.mark.gen_test
async def test_a_trickle_of_bytes_without_a_frame_is_no_sign_of_life() -> None:
    settings = {"heartbeat.interval_s": 0.05, "heartbeat.timeout_s": 0.1}
    async with running_gateway(settings) as running, await RawClient.upgraded(running.port) as client:
        await client.send_bytes(b"\x81\xff")
        assert (await client.closed() or Closed(0, "")).code == 4408


SMALL = {"mailbox.messages": 20, "mailbox.bytes": 262_144}
LARGE_TEXT = "x" * 50_000


def _newest(running: RunningGateway) -> Client:
    return list(running.gateway.clients)[-1]


async def _stalled(running: RunningGateway) -> RawClient:
    """A client that has subscribed to ``t`` and from then on reads nothing; its kernel buffers are small."""
    client = await RawClient.upgraded(running.port, receive_buffer=4096)
    await client.send(TEXT, _subscribe("t"))
    while (frame := await client.frame()) is not None and b'"subscribed"' not in frame.payload:
        continue
    return client


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize(("text", "count"), [(LARGE_TEXT, 200), ("x" * 1000, 4000)])
async def test_a_slow_reader_is_closed_and_its_neighbour_gets_everything_in_order(text: str, count: int) -> None:
    async with running_gateway(SMALL) as running, await running.tab() as healthy:
        await healthy.subscribe("t")
        async with await _stalled(running) as client:
            stalled = _newest(running)
            reader = asyncio.ensure_future(_data_of(healthy, count))
            most = 0
            for n in range(count):
                assert (await running.publish(envelope("t", data=[n, text]))).status == 200
                most = max(most, stalled.session.mailbox.bytes_waiting)
            assert await reader == [[n, text] for n in range(count)]
            async with asyncio.timeout(5):
                while len(running.gateway.clients) > 1:
                    await asyncio.sleep(0)
                await _slots(running, 1)
            assert stalled.session.closed
            assert stalled.session.mailbox.bytes_waiting == 0
            assert most <= 262_144
            await client.gone()


async def _slots(running: RunningGateway, count: int) -> None:
    while running.gateway.admission.connections != count:
        await asyncio.sleep(0)


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_slow_reader_that_wakes_up_in_time_reads_4509() -> None:
    async with running_gateway(SMALL) as running, await _stalled(running) as client:
        stalled = _newest(running)
        while not stalled.session.closed:
            await running.publish(envelope("t", data=LARGE_TEXT))
        closed = await client.closed()
        assert closed is not None and closed.code == 4509
        assert "slow consumer" in closed.reason


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_reader_that_only_pauses_misses_nothing() -> None:
    async with running_gateway() as running, await _stalled(running) as client:
        for n in range(400):
            await running.publish(envelope("t", data=[n, "x" * 2000]))
        heard: list[Any] = []
        while len(heard) < 400:
            frame = await client.frame()
            assert frame is not None and frame.opcode == TEXT, frame
            heard.append(json.loads(frame.payload))
        assert [message["data"][0] for message in heard] == list(range(400))
        assert [message["prev"] for message in heard[1:]] == [message["seq"] for message in heard[:-1]]


@pytest.mark.gen_test
async def test_a_peer_that_dies_during_a_fan_out_costs_nobody_else_a_message() -> None:
    async with running_gateway() as running, await running.tab() as healthy:
        await healthy.subscribe("t")
        for n in range(20):
            dying = await _stalled(running)
            dying.reset()
            await running.publish(envelope("t", data=n))
        assert await _data_of(healthy, 20) == list(range(20))
        async with asyncio.timeout(5):
            await _slots(running, 1)
