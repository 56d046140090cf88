"""What a topic and its clients measure: exact numbers for what is known exactly."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from actor_world import World
from loop_turns import turns, until
from one_topic import Subscriber, Topic
from slow_tab import publish_numbers, slow_tab, world_with

from actors.metrics import (
    ACTOR_MAILBOX_WAIT,
    WS_PUBLISH_TO_SOCKET,
    WS_RECOVER,
    WS_REPLAYED_MESSAGES,
    WS_SENT_MESSAGES,
    WS_SLOW_EPISODES,
)
from actors.packet_log import PacketLog
from actors.protocol.messages import EARLIEST
from actors.runtime.overflow import OverflowPolicy
from actors.topic import SLICE
from actors.topic_requests import Join


def recoveries(topic: Topic) -> Mapping[str, int]:
    counts = topic.world.telemetry.meter.counts(WS_RECOVER)
    return {result: count for result, count in counts.items() if count}


@pytest.mark.gen_test
async def test_only_subscriptions_with_since_are_counted_by_how_they_went() -> None:
    topic = Topic(history_messages=3)
    topic.publish(5)
    await topic.rest()
    await topic.join(Subscriber())
    assert recoveries(topic) == {}
    for since in (50, 40, 20, EARLIEST):
        await topic.join(Subscriber(), since)
    assert recoveries(topic) == {"recovered": 4}
    for since in (10, 45, "no such id"):
        await topic.join(Subscriber(), since)
    assert recoveries(topic) == {"recovered": 4, "lost": 3}


@pytest.mark.gen_test
async def test_what_history_gives_is_counted_by_what_the_mailboxes_took() -> None:
    topic, ada, bob = Topic(), Subscriber(), Subscriber(max_messages=4)
    topic.publish(9)
    await topic.rest()
    replayed = topic.world.telemetry.meter.counts(WS_REPLAYED_MESSAGES)
    await topic.join(ada, 70)
    assert replayed[""] == 2
    await topic.join(bob, 10)
    await topic.catch_up(bob)
    assert bob.seqs == [20, 30, 40, 50, 60, 70, 80, 90]
    assert replayed[""] == 2 + 8


@pytest.mark.gen_test
async def test_a_message_is_observed_once_in_the_topics_mailbox_with_the_time_that_it_waited() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    world.publish("t", 1)
    world.clock.advance(0.25)
    world.publish("t", 2)
    await until(lambda: tab.of_topic("t") == [1, 2])
    waits = world.telemetry.meter.histograms(ACTOR_MAILBOX_WAIT)
    assert (waits["topic"].count, waits["topic"].total_s, waits["client"].count) == (2, 0.25, 0)
    [to_socket] = world.telemetry.meter.histograms(WS_PUBLISH_TO_SOCKET).values()
    assert (to_socket.count, to_socket.total_s) == (2, 0.25)


@pytest.mark.gen_test
async def test_what_waited_for_a_slow_socket_is_observed_when_it_is_written() -> None:
    world = world_with(OverflowPolicy.DISCONNECT)
    tab = await slow_tab(world)
    await publish_numbers(world, 1, 3)
    sent = world.telemetry.meter.counts(WS_SENT_MESSAGES)
    before = sent[""]
    world.clock.advance(2.0)
    tab.socket.let_through(None)
    await until(lambda: tab.of_topic("t") == [1, 2, 3])
    waits = world.telemetry.meter.histograms(ACTOR_MAILBOX_WAIT)["client"]
    assert (waits.count, waits.total_s) == (3, 4.0), "the first was given to the socket at once"
    assert sent[""] - before == 2
    assert before == 1


@pytest.mark.gen_test
async def test_what_history_gave_is_sent_but_says_nothing_of_how_fast_we_are() -> None:
    world = World()
    for number in range(4):
        world.publish("t", number)
    await turns()
    world.clock.advance(100.0)
    tab = await world.open()
    await tab.subscribe(t=EARLIEST)
    await until(lambda: len(tab.of_topic("t")) == 4)
    meter = world.telemetry.meter
    [to_socket] = meter.histograms(WS_PUBLISH_TO_SOCKET).values()
    assert (meter.counts(WS_SENT_MESSAGES)[""], meter.counts(WS_REPLAYED_MESSAGES)[""], to_socket.count) == (4, 4, 0)


@pytest.mark.parametrize(
    ("policy", "dropped"),
    # Six wait in the mailbox, one in the socket: of ten messages three are too many.
    [
        (OverflowPolicy.DROP_OLDEST, 3),
        (OverflowPolicy.DROP_NEWEST, 3),
        (OverflowPolicy.LATEST, 8),
        (OverflowPolicy.CATCH_UP, 7),
        (OverflowPolicy.DISCONNECT, 7),
    ],
)
@pytest.mark.gen_test
async def test_drops_are_counted_by_policy(policy: OverflowPolicy, dropped: int) -> None:
    world = world_with(policy)
    await slow_tab(world)
    last = 10 if policy is not OverflowPolicy.DISCONNECT else 8
    await publish_numbers(world, 1, last if policy is not OverflowPolicy.CATCH_UP else 8)
    assert world.drops() == {str(policy): dropped}
    slow = {name: count for name, count in world.telemetry.meter.counts(WS_SLOW_EPISODES).items() if count}
    assert slow == {str(policy): 1}


@pytest.mark.gen_test
async def test_a_told_message_takes_the_queue_and_every_hop_is_logged_in_order(caplog: Any) -> None:
    caplog.set_level(logging.INFO, "fanwire.packets")
    world = World()
    world.telemetry.packets = PacketLog("all")
    ada, bob = await world.open(), await world.open()
    for tab in (ada, bob):
        await tab.subscribe("t")
    placed = world.publish("t", "told")
    await until(lambda: ada.of_topic("t") == bob.of_topic("t") == ["told"])
    message_id = ada.socket.messages[-1]["id"]
    ada.ask("pong", {"seen": {"t": message_id}})
    await until(lambda: ada.session.acknowledged)
    lines = [vars(record) for record in caplog.records if vars(record).get("trace_id") == message_id]
    assert [line["message"] for line in lines] == ["stored", "fanned_out", "written", "written", "acked"]
    assert {(line["topic"], line["seq"]) for line in lines} == {("t", placed.seq)}
    clients = [tab.session.client_id for tab in (ada, bob)]
    assert [line["client"] for line in lines[2:]] == [*clients, clients[0]]
    assert world.telemetry.meter.counts(WS_SENT_MESSAGES)[""] == 2


@pytest.mark.gen_test
async def test_fanned_out_is_told_before_written_however_many_subscribers_there_are(caplog: Any) -> None:
    caplog.set_level(logging.INFO, "fanwire.packets")
    world = World()
    world.telemetry.packets = PacketLog("all")
    tab = await world.open()
    await tab.subscribe("t")
    box = world.directory.mailbox_of(next(iter(world.directory.states())).name)
    assert box is not None
    for state in world.directory.states():
        if state.name == "t":
            for _ in range(2 * SLICE):
                state.mailbox.control(Join(Subscriber().mailbox, None))
    await until(world.is_quiet)
    world.publish("t", "told")
    await until(lambda: tab.of_topic("t") == ["told"])
    await until(lambda: any(record.getMessage() == "fanned_out" for record in caplog.records), "the end of the round")
    hops = [record.getMessage() for record in caplog.records if record.name == "fanwire.packets"]
    assert hops == ["stored", "fanned_out", "written"]
