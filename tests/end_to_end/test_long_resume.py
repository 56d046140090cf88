"""Coming back far behind: a replay many times longer than the mailbox, in pages, with live messages after it."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest
from gateways import RunningGateway, envelope, running_gateway
from ledger import received_of, walk_chain
from slow_reader import SlowReader

pytestmark = pytest.mark.slow

BEHIND = 1_000
SETTINGS: dict[str, object] = {
    "mailbox.messages": 20,
    "mailbox.bytes": 65_536,
    "history.messages": 5_000,
    **{f"topics.{policy}.overflow": policy for policy in ("disconnect", "catch_up", "drop_oldest", "latest")},
}
PAYLOAD = "x" * 500


async def _publish(running: RunningGateway, topic: str, count: int, payload: str = PAYLOAD) -> list[int]:
    return [(await running.gateway.publish(topic, "x", payload)).seq for _ in range(count)]


def _is_at(position: int, frame: dict[str, Any]) -> bool:
    return frame.get("seq") == position


async def _have_published(running: RunningGateway, topic: str, payload: str = PAYLOAD) -> list[int]:
    published = await _publish(running, topic, BEHIND, payload)
    while running.gateway.directory.top(topic) != published[-1]:  # type: ignore[arg-type]
        await asyncio.sleep(0)
    return published


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("policy", ["disconnect", "catch_up", "drop_oldest", "latest"])
@pytest.mark.parametrize("since", ["earliest", "a position", "an id"])
async def test_a_thousand_messages_come_through_a_mailbox_of_twenty(policy: str, since: str) -> None:
    topic = f"{policy}:a"
    async with running_gateway(SETTINGS) as running, await SlowReader.connected(running) as reader:
        first = (await running.publish(envelope(topic, data=PAYLOAD))).body
        published = [first["seq"], *await _have_published(running, topic)]
        position = {"earliest": "earliest", "a position": first["seq"], "an id": first["id"]}[since]
        answer = await reader.subscribe({topic: {"since": position}})
        missed = published if since == "earliest" else published[1:]
        assert answer["topics"][topic] == {"seq": published[-1], "recovered": True, "replayed": len(missed)}
        await reader.read_until(lambda frame: frame.get("seq") == published[-1])
        start = 0 if since == "earliest" else first["seq"]
        assert walk_chain(topic, reader.frames, missed, start=start) == []


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("policy", ["disconnect", "catch_up", "drop_oldest", "latest"])
async def test_what_is_published_meanwhile_comes_after_the_replay_in_order_and_once(policy: str) -> None:
    """No policy acts on a replay: what does not fit yet stays in history until the socket has drained."""
    topic = f"{policy}:a"
    async with running_gateway(SETTINGS) as running, await SlowReader.connected(running) as reader:
        published = await _have_published(running, topic)
        await reader.subscribe({topic: {"since": "earliest"}})
        while len(received_of(topic, reader.frames)) < BEHIND // 2:
            assert await reader.read_one()
            published += await _publish(running, topic, 1)
        await reader.read_until(lambda frame: frame.get("seq") == published[-1])
        published += await _publish(running, topic, 5)
        await reader.read_until(lambda frame: frame.get("seq") == published[-1])
        assert walk_chain(topic, reader.frames, published) == []


@pytest.mark.gen_test(timeout=30)
async def test_a_reader_that_is_slower_than_the_publisher_all_the_way_misses_nothing_in_the_end() -> None:
    topic = "catch_up:a"
    async with running_gateway(SETTINGS) as running, await SlowReader.connected(running) as reader:
        published = await _have_published(running, topic)
        await reader.subscribe({topic: {"since": "earliest"}})
        for _ in range(BEHIND // 2):
            assert await reader.read_one()
            published += await _publish(running, topic, 2)
        await reader.read_until(lambda frame: frame.get("seq") == published[-1])
        assert walk_chain(topic, reader.frames, published) == []


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize(("messages", "payload"), [(20, PAYLOAD), (500, "x" * 5_000)])
async def test_another_topic_is_not_kept_waiting_by_a_long_replay(messages: int, payload: str) -> None:
    settings = SETTINGS | {"mailbox.messages": messages}
    async with running_gateway(settings) as running, await SlowReader.connected(running) as reader:
        await reader.subscribe({"disconnect:live": {}})
        published = await _have_published(running, "disconnect:a", payload)
        await reader.subscribe({"disconnect:a": {"since": "earliest"}})
        live = (await running.gateway.publish("disconnect:live", "x", "now" * 8_000)).seq
        await reader.read_until(lambda frame: frame.get("seq") == published[-1])
        topics = [frame["topic"] for frame in reader.frames if frame["topic"] != "system"]
        assert received_of("disconnect:live", reader.frames) == [live]
        assert topics.index("disconnect:live") < BEHIND // 2
        assert walk_chain("disconnect:a", reader.frames, published) == []


@pytest.mark.gen_test(timeout=30)
async def test_replays_of_many_topics_together_take_half_of_the_mailbox() -> None:
    topics = [f"disconnect:{name}" for name in "abcdef"]
    async with running_gateway(SETTINGS) as running, await SlowReader.connected(running) as reader:
        published = {topic: await _have_published(running, topic) for topic in topics}
        await reader.subscribe({topic: {"since": "earliest"} for topic in topics})
        while len(reader.frames) < len(topics) * BEHIND:
            assert await reader.read_one()
        (client,) = running.gateway.clients
        assert client.session.mailbox.high_water == 10
        for topic in topics:
            if received_of(topic, reader.frames)[-1] != published[topic][-1]:
                await reader.read_until(partial(_is_at, published[topic][-1]))
            assert walk_chain(topic, reader.frames, published[topic]) == []


@pytest.mark.gen_test(timeout=30)
async def test_a_busy_topic_that_is_always_behind_does_not_keep_another_one_from_its_replay() -> None:
    busy, quiet = "catch_up:busy", "catch_up:quiet"
    async with running_gateway(SETTINGS) as running, await SlowReader.connected(running) as reader:
        published = {topic: await _have_published(running, topic) for topic in (busy, quiet)}
        await reader.subscribe({busy: {"since": "earliest"}, quiet: {"since": "earliest"}})
        while len(received_of(quiet, reader.frames)) < BEHIND:
            assert len(received_of(busy, reader.frames)) < 2 * BEHIND, "the quiet topic gets nothing"
            assert await reader.read_one()
            published[busy] += await _publish(running, busy, 1)
        assert walk_chain(quiet, reader.frames, published[quiet]) == []


@pytest.mark.gen_test(timeout=30)
async def test_leaving_in_the_middle_of_a_replay_ends_it_and_joining_again_begins_a_new_one() -> None:
    topic = "disconnect:a"
    async with running_gateway(SETTINGS) as running, await SlowReader.connected(running) as reader:
        published = await _have_published(running, topic)
        await reader.subscribe({topic: {"since": "earliest"}})
        for _ in range(30):
            assert await reader.read_one()
        request = envelope("system", "unsubscribe", {"topics": [topic]})
        await reader.send(request)
        await reader.read_until(lambda frame: frame.get("re") == request["id"])
        got = received_of(topic, reader.frames)
        assert got == published[: len(got)] and len(got) < BEHIND
        await reader.subscribe({topic: {"since": got[-1]}})
        await reader.read_until(lambda frame: frame.get("seq") == published[-1])
        assert walk_chain(topic, reader.frames, published) == []


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("policy", ["disconnect", "catch_up"])
async def test_a_message_as_large_as_the_mailbox_is_replayed_and_not_asked_for_for_ever(policy: str) -> None:
    """With its position and id it is larger than the bound; a mailbox at rest takes one message in any case."""
    topic = f"{policy}:a"
    async with running_gateway(SETTINGS) as running, await SlowReader.connected(running) as reader:
        body = json.dumps(envelope(topic, data="x" * 65_400))
        assert 65_500 < len(body) <= 65_536
        published = [(await running.publish(body)).body["seq"] for _ in range(3)]
        await reader.subscribe({topic: {"since": "earliest"}})
        await reader.read_until(lambda frame: frame.get("seq") == published[-1])
        assert walk_chain(topic, reader.frames, published) == []
