"""What looks at a gateway from inside: its gauges, and reporters that fail without costing anybody a message."""

import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from actor_world import World
from gateways import envelope, running_gateway
from loop_turns import turns, until

from actors.metrics import (
    ACTOR_GIVEN_UP,
    ACTOR_MAILBOX_DEPTH,
    ACTOR_MAILBOX_HIGH_WATER,
    ACTOR_RUNNING,
    BUS_UP,
    LOOP_LAG,
    WS_CONNECTIONS,
    WS_MAILBOX_DEPTH,
)
from actors.telemetry import Telemetry
from server.admission import Admission
from server.bus.metered import MeteredBus
from server.config import Config, LimitsConfig, StatsdConfig
from server.metrics.reporters import DEPTHS_FRESH_S, HIGH_WATER_FRESH_S, TRY_AGAIN_S, Reporters, watch_gauges
from server.testing.manual_clock import ManualClock


@pytest.mark.gen_test
async def test_gauges_show_what_is_there_now() -> None:
    world, admission = World(), Admission(LimitsConfig())
    bus = MeteredBus(world.bus, "memory", world.telemetry.meter, world.clock)
    watch_gauges(world.telemetry.meter, world.clock, admission, world.directory, world.clients, bus)
    gauges = world.telemetry.meter.gauges
    leave = admission.enter("192.0.2.1", "ada")
    ada, bob = await world.open(), await world.open()
    for tab in (ada, bob):
        await tab.subscribe("t")
        tab.socket.let_through(0)
    for number in range(4):
        world.publish("t", number)
        await turns(3)
    assert gauges(WS_CONNECTIONS) == {"": 1}
    assert gauges(ACTOR_RUNNING) == {"topic": 2, "client": 2}
    assert gauges(BUS_UP) == {"memory": 1.0}
    assert gauges(WS_MAILBOX_DEPTH) == {"": 6}
    assert gauges(ACTOR_MAILBOX_DEPTH) == {"topic": 0, "client": 3}
    assert gauges(ACTOR_MAILBOX_HIGH_WATER) == {"topic": 1, "client": 3}
    leave()
    world.bus.stop()
    for tab in (ada, bob):
        tab.socket.let_through(None)
    await until(lambda: bob.session.mailbox.depth == 0)
    assert gauges(WS_MAILBOX_DEPTH) == {"": 6}, "one look serves all that ask within half a second"
    world.clock.advance(DEPTHS_FRESH_S)
    assert gauges(WS_MAILBOX_DEPTH) == {"": 0}
    assert gauges(ACTOR_MAILBOX_DEPTH) == {"topic": 0, "client": 0}
    assert gauges(ACTOR_MAILBOX_HIGH_WATER) == {"topic": 1, "client": 3}
    assert (gauges(WS_CONNECTIONS), gauges(BUS_UP)) == ({"": 0}, {"memory": 0.0})


@pytest.mark.gen_test
async def test_high_water_marks_rise_at_once_and_fall_when_all_mailboxes_are_searched_again() -> None:
    world, admission = World(), Admission(LimitsConfig())
    bus = MeteredBus(world.bus, "memory", world.telemetry.meter, world.clock)
    watch_gauges(world.telemetry.meter, world.clock, admission, world.directory, world.clients, bus)
    highest = partial(world.telemetry.meter.gauges, ACTOR_MAILBOX_HIGH_WATER)
    tab = await world.open()
    await tab.subscribe("t")
    assert highest()["client"] == 0
    tab.socket.let_through(0)
    for number in range(4):
        world.publish("t", number)
        await turns(3)
    world.clock.advance(DEPTHS_FRESH_S)
    assert highest()["client"] == tab.session.mailbox.high_water > 0
    tab.client.gone()
    await until(lambda: not world.clients)
    world.clock.advance(DEPTHS_FRESH_S)
    assert highest()["client"] > 0, "who has gone is noticed at the next search"
    world.clock.advance(HIGH_WATER_FRESH_S)
    assert highest()["client"] == 0


@pytest.fixture
def nowhere() -> Iterator[StatsdConfig]:
    """A daemon that is there and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        yield StatsdConfig(host="127.0.0.1", port=daemon.getsockname()[1])


def fail_for_good(reporters: Reporters, clock: ManualClock, name: str) -> None:
    """One failure more than is made good."""
    for _ in range(4):
        child = reporters._children[name]
        assert child.actor is not None
        child.actor._exit(ValueError("on purpose"))  # type: ignore[attr-defined]
        if name in reporters:
            clock.advance(1.0)


@pytest.mark.parametrize("name", ["loop lag", "statsd"])
@pytest.mark.gen_test
async def test_a_reporter_that_is_given_up_is_tried_again_after_a_minute(
    name: str, nowhere: StatsdConfig, expected_logs: Any
) -> None:
    expected_logs.allow("an actor failed")
    expected_logs.allow("metrics do not reach the StatsD daemon")  # the clock runs ahead of looking it up
    clock, escalated = ManualClock(), list[object]()
    telemetry = Telemetry(clock)
    reporters = Reporters(Config(statsd=nowhere), telemetry, clock)
    reporters.run(escalated.append)
    assert len(reporters) == 2
    fail_for_good(reporters, clock, name)
    assert (name in reporters, len(reporters), reporters.is_running) == (False, 1, True)
    clock.advance(TRY_AGAIN_S - 1.0)
    assert name not in reporters
    clock.advance(1.0)
    assert name in reporters
    assert telemetry.meter.counts(ACTOR_GIVEN_UP)["reporter"] == 1
    assert not escalated
    await reporters.shut_down()


@pytest.mark.gen_test
async def test_a_reporter_is_not_tried_again_after_the_end(nowhere: StatsdConfig, expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    expected_logs.allow("metrics do not reach the StatsD daemon")  # the clock runs ahead of looking it up
    clock = ManualClock()
    reporters = Reporters(Config(statsd=nowhere), Telemetry(clock), clock)
    reporters.run(lambda record: None)
    fail_for_good(reporters, clock, "statsd")
    await reporters.shut_down()
    clock.advance(2 * TRY_AGAIN_S)
    assert len(reporters) == 0


@pytest.mark.gen_test
async def test_without_a_daemon_there_is_only_the_lag_meter_and_it_observes() -> None:
    clock = ManualClock()
    telemetry = Telemetry(clock)
    reporters = Reporters(Config(), telemetry, clock)
    reporters.run(lambda record: None)
    assert len(reporters) == 1
    for _ in range(3):
        clock.advance(0.1)
        await turns()
    assert telemetry.meter.histograms(LOOP_LAG)[""].count == 3
    await reporters.shut_down()


@pytest.mark.slow
@pytest.mark.gen_test
async def test_a_gateway_serves_while_its_reporters_are_down(nowhere: StatsdConfig, expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    settings = {"statsd.host": nowhere.host, "statsd.port": nowhere.port}
    async with running_gateway(settings) as running, await running.tab() as tab:
        await tab.subscribe("t")
        reporters = running.gateway._tree._children["reporters"].actor
        assert isinstance(reporters, Reporters)
        for name in ("loop lag", "statsd"):
            for _ in range(4):
                await until(lambda name=name: reporters._children[name].actor)  # type: ignore[misc]
                reporters._children[name].actor._exit(ValueError("on purpose"))  # type: ignore[union-attr]
            assert name not in reporters
        assert (await running.publish(envelope("t", data="still there"))).status == 200
        assert (await tab.frame_of_type("note"))["data"] == "still there"
        assert not running.failed.is_set()
