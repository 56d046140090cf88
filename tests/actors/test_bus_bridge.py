"""From the bus into topics: encoded once, in order, and never lost without a word."""

from collections.abc import Callable
from typing import Any

import pytest
from actor_world import World
from loop_turns import until

from actors.bus_bridge import BusBridge
from actors.directory import TopicSettings
from actors.protocol.envelope import Seq, TopicName, envelope_from

T = TopicName("t")


def placed(seq: int) -> Any:
    return envelope_from({"topic": T, "type": "x", "data": seq}, 1.0).placed(Seq(seq), Seq(seq - 1))


def bridge_with(world: World, finals_of: Callable[[TopicName], frozenset[str]]) -> BusBridge:
    return BusBridge(world.bus, world.directory, finals_of, world.clock, world.telemetry)


@pytest.mark.gen_test
async def test_what_the_bus_delivers_reaches_the_topics_subscribers_in_order() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    bridge = world.bridge
    for seq in (1, 2, 3):
        assert bridge.has_room(T)
        bridge.deliver(placed(seq))
    await until(lambda: tab.of_topic("t") == [1, 2, 3])


@pytest.mark.gen_test
async def test_a_stored_message_that_finds_its_topic_full_is_reported(
    expected_logs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    expected_logs.allow("dead letter")
    world = World()
    world.topic_settings = TopicSettings(max_messages=1, max_control=9, history_messages=9, history_ttl_s=9.0)
    bridge = world.bridge
    bridge.deliver(placed(1))
    assert not bridge.has_room(T)
    lost = placed(2)
    bridge.deliver(lost)
    [record] = caplog.records
    said: Any = record
    assert (said.trace_id, said.topic, said.reason) == (lost.id, "t", "undeliverable")


@pytest.mark.gen_test
async def test_a_message_is_final_if_its_topic_says_so_of_its_type() -> None:
    world = World()
    box = world.directory.mailbox_of(T)
    assert box is not None
    bridge_with(world, lambda topic: frozenset({"x"} if topic == T else ())).deliver(placed(1))
    bridge_with(world, lambda topic: frozenset({"other"})).deliver(placed(2))
    assert [message.is_final for message in iter(box.take_data, None)] == [True, False]
