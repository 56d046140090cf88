"""Coming back, by WebSocket and by events: everything that was missed, once and in order, or a word of its loss."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from event_stream import EventStream, events_path
from gateways import RunningGateway, envelope, running_gateway
from loop_turns import until
from visits import EventVisit

import server.app
from actors.protocol.envelope import TopicName
from server.testing import Wanted, WsHarness
from server.testing.client import Transport
from server.testing.manual_clock import ManualClock

both = pytest.mark.parametrize("transport", ["websocket", "sse"])
T = "t:a"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The time of every gateway that starts in the test."""
    clock = ManualClock()
    monkeypatch.setattr(server.app, "LoopClock", lambda: clock)
    return clock


@asynccontextmanager
async def returning(
    transport: Transport, running: RunningGateway, since: Mapping[str, int | str]
) -> AsyncIterator[tuple[WsHarness, dict[str, Any]]]:
    """A client that is back, and what it was told of ``t:a``."""
    topics = {topic: since.get(topic) for topic in (T, "t:b")}
    async with WsHarness(running, topics=topics, transport=transport) as ws:
        yield ws, ws.joined[T]


async def publish(running: RunningGateway, count: int, topic: str = T) -> list[int]:
    return [(await running.gateway.publish(topic, "x", n)).seq for n in range(count)]


async def rest(running: RunningGateway, ws: WsHarness) -> list[dict[str, Any]]:
    """What comes up to a message that is published now, without it."""
    [last] = await publish(running, 1)
    frames = []
    while (frame := (await ws.expect_sequence([Wanted()]))[0]).get("seq") != last:
        frames.append(frame)
    return frames


def seqs(frames: list[dict[str, Any]]) -> list[int]:
    assert all(frame["topic"] == T for frame in frames), frames
    return [frame["seq"] for frame in frames]


async def until_gone(running: RunningGateway) -> None:
    await until(lambda: not len(running.gateway.clients), "the client to be forgotten")


@both
@pytest.mark.gen_test
async def test_who_missed_nothing_is_told_so_and_gets_nothing(transport: Transport) -> None:
    async with running_gateway() as running:
        top = (await publish(running, 3))[-1]
        async with returning(transport, running, {T: top}) as (ws, told):
            assert told == {"seq": top, "recovered": True, "replayed": 0}
            assert await rest(running, ws) == []


@both
@pytest.mark.gen_test
async def test_what_was_missed_comes_once_and_in_order_and_then_what_is_live(transport: Transport) -> None:
    async with running_gateway() as running:
        positions = await publish(running, 10)
        async with returning(transport, running, {T: positions[3]}) as (ws, told):
            assert told == {"seq": positions[-1], "recovered": True, "replayed": 6}
            assert seqs(await rest(running, ws)) == positions[4:]


@both
@pytest.mark.gen_test
async def test_a_topic_that_never_had_a_message_is_resumed_from_its_beginning(transport: Transport) -> None:
    async with running_gateway() as running:
        async with returning(transport, running, {}) as (_, told):
            assert told == {"seq": 0, "recovered": True, "replayed": 0}
        positions = await publish(running, 2)
        async with returning(transport, running, {T: 0}) as (ws, told):
            assert (told["recovered"], told["replayed"]) == (True, 2)
            assert seqs(await rest(running, ws)) == positions


@both
@pytest.mark.gen_test
async def test_a_quiet_topic_is_resumed_after_its_last_message_has_expired(
    transport: Transport, clock: ManualClock
) -> None:
    async with running_gateway({"history.ttl_s": 60}) as running:
        before, top = await publish(running, 2)
        # Somebody else keeps the topic from retiring.
        async with returning("websocket", running, {}):
            clock.advance(61.0)
            async with returning(transport, running, {T: top}) as (ws, told):
                assert told == {"seq": top, "recovered": True, "replayed": 0}
                assert await rest(running, ws) == []
            async with returning(transport, running, {T: before}) as (_, told):
                assert not told["recovered"]


@both
@pytest.mark.gen_test
async def test_a_topic_that_has_retired_meanwhile_is_resumed_all_the_same(
    transport: Transport, clock: ManualClock
) -> None:
    async with running_gateway({"history.ttl_s": 60}) as running:
        before, top = await publish(running, 2)
        for _ in range(5):
            clock.advance(61.0)
            await until(lambda: not any(not state.mailbox.empty() for state in running.gateway.directory.states()))
        await until(lambda: running.gateway.directory.find(TopicName(T)) is None, "the topic to retire")
        async with returning(transport, running, {T: top}) as (ws, told):
            assert told == {"seq": top, "recovered": True, "replayed": 0}
            assert await rest(running, ws) == []
        async with returning(transport, running, {T: before}) as (_, told):
            assert not told["recovered"]


@both
@pytest.mark.gen_test
async def test_the_same_position_serves_twice_and_at_once(transport: Transport) -> None:
    async with running_gateway() as running:
        positions = await publish(running, 8)
        async with (
            returning(transport, running, {T: positions[2]}) as (one, told),
            returning(transport, running, {T: positions[2]}) as (other, again),
        ):
            assert told == again
            assert seqs(await rest(running, one)) == positions[3:]
            positions.append(running.gateway.directory.top(TopicName(T)))
            assert seqs(await rest(running, other)) == positions[3:]


@pytest.mark.gen_test
async def test_an_id_is_as_good_as_its_position_until_it_is_forgotten() -> None:
    async with running_gateway({"history.messages": 3}) as running:
        placed = [(await running.publish(envelope(T))).body for _ in range(5)]
        async with returning("websocket", running, {T: placed[2]["id"]}) as (ws, told):
            assert told["recovered"]
            assert seqs(await rest(running, ws)) == [one["seq"] for one in placed[3:]]
        async with returning("websocket", running, {T: placed[1]["id"]}) as (_, told):
            assert not told["recovered"]


@both
@pytest.mark.gen_test
async def test_the_edge_of_history_is_exact_and_what_lies_before_it_is_said_to_be_lost(transport: Transport) -> None:
    async with running_gateway({"history.messages": 5}) as running:
        positions = await publish(running, 7)
        async with returning(transport, running, {T: positions[1]}) as (ws, told):
            assert told == {"seq": positions[-1], "recovered": True, "replayed": 5}
            assert seqs(await rest(running, ws)) == positions[2:]
        top = running.gateway.directory.top(TopicName(T))
        async with returning(transport, running, {T: positions[0]}) as (ws, told):
            assert told == {"seq": top, "recovered": False, "replayed": 0}
            [gap] = await rest(running, ws)
            assert (gap["topic"], gap["type"]) == ("system", "gap")
            assert gap["data"] == {"topic": T, "from": positions[0], "to": top, "dropped": None, "reason": "history"}


@both
@pytest.mark.gen_test
@pytest.mark.parametrize("off_by", [-1, 1, 10**6])
async def test_a_position_that_is_no_messages_is_lost_and_not_rounded(transport: Transport, off_by: int) -> None:
    async with running_gateway() as running:
        top = (await publish(running, 1))[-1]
        async with returning(transport, running, {T: top + off_by}) as (_, told):
            assert told == {"seq": top, "recovered": False, "replayed": 0}


@both
@pytest.mark.gen_test
async def test_one_topic_may_be_lost_while_another_is_recovered(transport: Transport) -> None:
    async with running_gateway({"history.messages": 5}) as running:
        lost, kept = await publish(running, 7), await publish(running, 3, "t:b")
        async with returning(transport, running, {T: lost[0], "t:b": kept[0]}) as (ws, told):
            assert not told["recovered"]
            frames = await rest(running, ws)
            assert frames[0]["type"] == "gap"
            assert [frame["seq"] for frame in frames[1:]] == kept[1:]


@pytest.mark.gen_test
async def test_a_browser_that_was_told_of_a_loss_is_not_told_again() -> None:
    """The cursor of the answer is behind the loss: each reconnect with it is a good one."""
    async with running_gateway({"history.messages": 2}) as running:
        positions = await publish(running, 5)
        async with returning("sse", running, {T: positions[0]}) as (ws, told):
            assert not told["recovered"]
            ws.drop()
            missed = await publish(running, 1)
            assert (await ws.resume())[T] == {"seq": missed[-1], "recovered": True, "replayed": 1}


@pytest.mark.gen_test
async def test_a_stream_that_is_cut_in_the_middle_of_its_replay_goes_on_where_it_was_cut() -> None:
    """To the event: this reader takes one at a time, which an ordinary client does not."""
    async with running_gateway() as running:
        positions = await publish(running, 50)
        visit = await EventVisit.begin(running.port, [T], {T: positions[0]})
        await visit.stream.frame_of_type("subscribed")
        got = [(await visit.stream.frame())["seq"] for _ in range(20)]
        cursor = visit.stream.last_event_id
        visit.reset()
        await until_gone(running)
        got += await replayed_to(running, cursor, positions[-1])
        assert got == positions[1:]


@pytest.mark.gen_test
async def test_a_stream_that_is_cut_before_its_replay_has_begun_starts_it_again() -> None:
    async with running_gateway() as running:
        positions = await publish(running, 5)
        visit = await EventVisit.begin(running.port, [T], {T: positions[0]})
        assert (await visit.stream.frame_of_type("subscribed"))["data"]["topics"][T]["replayed"] == 4
        cursor = visit.stream.last_event_id
        visit.close()
        assert await replayed_to(running, cursor, positions[-1]) == positions[1:]


async def replayed_to(running: RunningGateway, cursor: str, last: int) -> list[int]:
    """The positions in ``t:a`` that a stream with that cursor gets, up to ``last``."""
    path = events_path([T])
    async with await EventStream.connected(running.port, path, headers={"Last-Event-ID": cursor}) as stream:
        await stream.until_at(last)
        return [frame["seq"] for frame in stream.frames if frame["topic"] == T]


@pytest.mark.gen_test
async def test_the_users_own_topic_is_resumed_with_the_others() -> None:
    async with running_gateway() as running, returning("sse", running, {}) as (ws, _):
        ws.drop()
        await until_gone(running)
        missed = await publish(running, 3, "user:anonymous")
        await ws.resume()
        assert [frame["seq"] for frame in await ws.expect_sequence(["x"] * 3)] == missed
