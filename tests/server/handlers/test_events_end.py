"""How a stream of events ends, who is slow and who is not, and that every slot comes back."""

import asyncio

import pytest
from event_stream import EventStream, events_path
from event_streams import disconnected, session_of, stream, until_empty
from gateways import WITH_TOKENS, RunningGateway, running_gateway, token_for
from loop_turns import until
from node_peers import Closed

import server.app
from actors.metrics import WS_CONNECTED
from actors.protocol.codes import CloseCode
from actors.protocol.envelope import TopicName
from server.testing.manual_clock import ManualClock

WINDOW_BYTES = 4096
PAYLOAD = "x" * 10_000


@pytest.mark.gen_test
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_leaves_is_forgotten(how: str) -> None:
    async with running_gateway() as running:
        events = await stream(running)
        assert (len(running.gateway.clients), running.gateway.admission.connections) == (1, 1)
        getattr(events, how)()
        await until_empty(running)
        assert disconnected(running) == {"1006": 1}
        state = next(state for state in running.gateway.directory.states() if state.name == "t:a")
        await until(lambda: not state.subscribers, "the topic to forget the client")


@pytest.mark.gen_test
async def test_a_client_that_leaves_before_it_was_answered_is_forgotten() -> None:
    async with running_gateway() as running:
        for _ in range(20):
            events = await EventStream.asked(running.port, events_path(["t:a"]))
            events.reset()
        async with await stream(running):
            await until(lambda: running.gateway.admission.connections == 1, "all the others' slots")
        await until_empty(running)


@pytest.mark.gen_test(timeout=15)
async def test_a_client_that_talks_is_cut_off() -> None:
    """What a stream's client sends is read only to notice its end; 64 KiB of it is no browser's doing."""
    async with running_gateway() as running, await stream(running) as events:
        sent = 0
        with pytest.raises(ConnectionError):
            while sent < 16 * 1024 * 1024:
                await events.send(b"x" * 65_536)
                sent += 65_536
                await asyncio.sleep(0)
        await until_empty(running)


@pytest.mark.gen_test
async def test_a_second_request_on_the_same_connection_is_not_answered() -> None:
    async with running_gateway() as running, await stream(running) as events:
        await events.send(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n\r\n".encode())
        await running.gateway.publish("t:a", "x", "still a stream")
        assert (await events.frame())["data"] == "still a stream"


@pytest.mark.gen_test
async def test_a_shutdown_is_told_by_the_last_event_and_the_browser_may_come_back() -> None:
    async with running_gateway() as running, await stream(running) as events:
        stopping = asyncio.ensure_future(running.gateway.stop(5.0))
        closed = await events.closed()
        assert closed is not None and closed.code == 1012
        assert events.last_event_id not in ("", "ended")
        await stopping
        assert disconnected(running) == {"1012": 1}


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_token_that_runs_out_ends_the_stream() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        token = token_for(subscribe=["t:*"], ttl_s=1.5)
        async with await stream(running, token=token) as events:
            closed = await events.closed()
            assert closed is not None and closed.code == 4401
            assert events.last_event_id not in ("", "ended")
        await until_empty(running)
        assert disconnected(running) == {"4401": 1}


def overflowing(policy: str, **settings: object) -> dict[str, object]:
    bounds = {"mailbox.messages": 20, "mailbox.bytes": 262_144, "topics.t.overflow": policy}
    return {**bounds, **settings}


async def stop_reading(running: RunningGateway) -> EventStream:
    """A stream that has read the answer to its subscription, and whose small window is full."""
    path = events_path(["t:a"])
    events = await EventStream.connected(running.port, path, receive_buffer=WINDOW_BYTES)
    await events.frame_of_type("subscribed")
    socket = session_of(running).socket
    while not socket.blocked:
        await running.gateway.publish("t:a", "x", PAYLOAD)
        await asyncio.sleep(0)
    return events


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_reader_that_stops_is_closed_as_a_slow_consumer_and_resumes_without_a_loss() -> None:
    async with running_gateway(overflowing("disconnect")) as running:
        async with await stop_reading(running) as events:
            session = session_of(running)
            while not session.closed:
                last = (await running.gateway.publish("t:a", "x", PAYLOAD)).seq
                await asyncio.sleep(0)
            closed = await events.closed()
            assert closed is None or closed.code == 4509
            got = [frame["seq"] for frame in events.frames if frame["topic"] == "t:a"]
            cursor = events.last_event_id
        assert disconnected(running) == {"4509": 1} or not running.gateway.admission.connections
        async with await EventStream.connected(running.port, events_path(["t:a"], last_event_id=cursor)) as events:
            await events.until_at(last)
            missed = [frame for frame in events.frames if frame["topic"] == "t:a"]
            assert [frame["prev"] for frame in missed] == [got[-1], *(frame["seq"] for frame in missed[:-1])]


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_write_that_stalls_ends_the_stream_whatever_the_policy() -> None:
    settings = overflowing("catch_up", **{"mailbox.write_stall_s": 0.5})
    async with running_gateway(settings) as running, await stop_reading(running) as events:
        session = session_of(running)
        async with asyncio.timeout(15):
            while not session.closed:
                await asyncio.sleep(0.01)  # the deadline of the gateway, which no event tells
        closed = await events.closed()
        assert closed is None or closed.code == 4509
        await until_empty(running)
        assert disconnected(running) == {"4509": 1}


@pytest.mark.gen_test(timeout=20)
async def test_what_a_policy_drops_is_told_by_a_gap_in_its_place() -> None:
    async with running_gateway(overflowing("drop_oldest")) as running, await stop_reading(running) as events:
        for _ in range(60):
            last = (await running.gateway.publish("t:a", "x", PAYLOAD)).seq
        await until(lambda: running.gateway.directory.top(TopicName("t:a")) == last)
        await events.until_at(last)
        here = 0
        for frame in events.frames[2:]:
            if frame["type"] == "gap":
                assert (frame["data"]["from"], frame["data"]["reason"]) == (here, "overflow")
                must_be = frame["data"]["to"]
            else:
                assert frame["prev"] == here or frame["seq"] == must_be
                here = frame["seq"]
        assert [frame["type"] for frame in events.frames].count("gap") == 1


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("policy", ["disconnect", "drop_oldest", "catch_up"])
async def test_a_batch_larger_than_the_mailbox_harms_no_stream_whose_socket_is_free(policy: str) -> None:
    """The mailbox is for what a socket has not taken: one that takes everything never fills it, as with WebSockets."""
    async with running_gateway(overflowing(policy)) as running, await stream(running) as events:
        placed = (await running.publish([{"topic": "t:a", "type": "x", "data": n} for n in range(200)])).body
        received = [await events.frame() for _ in range(200)]
        assert [frame.get("seq") for frame in received] == [one["seq"] for one in placed]


@pytest.mark.gen_test(timeout=20)
async def test_a_full_batch_harms_no_stream_with_the_settings_as_they_come() -> None:
    async with running_gateway() as running, await stream(running) as events:
        placed = (await running.publish([{"topic": "t:a", "type": "x"} for _ in range(1000)])).body
        await events.until_at(placed[-1]["seq"])
        assert [frame["seq"] for frame in events.frames[2:]] == [one["seq"] for one in placed]


@pytest.mark.gen_test
async def test_a_quiet_stream_hears_a_comment_every_fifteen_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    monkeypatch.setattr(server.app, "LoopClock", lambda: clock)
    async with running_gateway() as running, await stream(running) as events:
        for expected in range(1, 6):
            clock.advance(15.0)
            while events.parser.comments < expected:
                assert await events.receive()
                assert events.parser.feed(events._received) == []
                events._received = b""
            assert events.parser.comments == expected
        assert len(running.gateway.clients) == 1, "who cannot speak is not closed for its silence"


@pytest.mark.gen_test
async def test_connecting_is_counted_once_and_so_is_its_end() -> None:
    async with running_gateway() as running:
        async with await stream(running):
            assert running.gateway.telemetry.meter.counts(WS_CONNECTED)[""] == 1
        await until_empty(running)
        assert sum(disconnected(running).values()) == 1


@pytest.mark.gen_test
async def test_a_stream_says_goodbye_only_once() -> None:
    async with running_gateway() as running, await stream(running) as events:
        (client,) = running.gateway.clients
        client.hang_up(CloseCode.PROTOCOL_VIOLATION, "stay away")
        client.hang_up(CloseCode.RESTART, "again")
        assert await events.closed() == Closed(4400, "stay away")
        assert events.last_event_id == "ended"


@pytest.mark.gen_test
async def test_a_stream_of_which_a_topic_cannot_be_served_now_ends_so_that_its_browser_asks_again() -> None:
    async with running_gateway({"limits.topics": 1}) as running:
        async with await stream(running, "t:a", "t:b") as events:
            assert events.frames[-1]["data"]["refused"]["t:b"]["code"] == "overloaded"
            closed = await events.closed()
        assert closed is not None
        assert closed.code == CloseCode.TRY_AGAIN_LATER
