"""The reporter against real daemons: upstream's statsd and collectd's plugin take everything that it tells."""

from pathlib import Path

import pytest
from loop_turns import turns
from statsd_daemons import Collectd, Upstream, Values
from statsd_world import ReporterWorld

from actors.metrics import (
    CATALOGUE,
    OTHER,
    WS_CONNECTED,
    WS_CONNECTIONS,
    WS_DISCONNECTED,
    WS_FANOUT,
    Kind,
    Metric,
)

HISTOGRAM_PARTS = ("count", "p50", "p95", "p99")
pytestmark = pytest.mark.slow


def parts_of(metric: Metric) -> list[str]:
    return [f".{part}" for part in HISTOGRAM_PARTS] if metric.kind is Kind.HISTOGRAM else [""]


def every_name() -> set[str]:
    return {
        f"fanwire.{metric.statsd_name}{value and '.' + value}{part}"
        for metric in CATALOGUE
        for value in metric.series
        for part in parts_of(metric)
    }


def every_tagged_name() -> set[str]:
    """As upstream keeps them: the tag behind a semicolon, as Graphite wants it."""
    return {
        f"fanwire.{metric.statsd_name}{part}{value and f';{metric.label}={value}'}"
        for metric in CATALOGUE
        for value in metric.series
        for part in parts_of(metric)
    }


def give_everything_a_value(world: ReporterWorld) -> None:
    for metric in CATALOGUE:
        if metric.kind is Kind.GAUGE:
            world.meter.watch(metric, lambda series=metric.series: dict.fromkeys(series, 0))  # type: ignore[misc]
        elif metric.kind is Kind.HISTOGRAM:
            for value in metric.series:
                world.meter.observe(metric, 60.0, times=1000, label=value)


async def flush_twice(world: ReporterWorld) -> None:
    """Once with everything, and once with 4 connections more, 2 open, and 100 rounds of fan-out of 1 ms."""
    give_everything_a_value(world)
    world.meter.add(WS_CONNECTED, 3)
    world.start()
    await turns(5)
    await world.until_open()
    await world.interval()
    world.meter.add(WS_CONNECTED, 4)
    world.meter.add(WS_DISCONNECTED, label="1006")
    world.meter.watch(WS_CONNECTIONS, lambda: 2)
    world.meter.observe(WS_FANOUT, 0.001, times=100)
    await world.interval()
    assert world.errors == 0


def assert_values(values: Values) -> None:
    assert values.counters["fanwire.ws.connected"] == 7
    assert values.gauges["fanwire.ws.connections"] == 2
    assert values.counters["fanwire.ws.fanout.count"] == 1100
    # All of 1 ms, in the bucket above 0.7 ms, and none of the minutes that came before.
    assert values.gauges["fanwire.ws.fanout.p50"] == pytest.approx(0.85)
    assert values.gauges["fanwire.ws.fanout.p99"] == pytest.approx(0.997)


@pytest.mark.gen_test(timeout=120)
async def test_upstream_statsd_gets_every_name_and_the_right_values(tmp_path: Path) -> None:
    async with Upstream(tmp_path) as daemon:
        with ReporterWorld(port=daemon.port) as world:
            await flush_twice(world)
            values = await daemon.values()
    assert values.named("fanwire.") == every_name()
    assert_values(values)
    assert values.counters["fanwire.ws.disconnected.1006"] == 1
    assert values.counters[f"fanwire.ws.disconnected.{OTHER}"] == 0
    assert values.counters["statsd.bad_lines_seen"] == 0


@pytest.mark.gen_test(timeout=120)
async def test_upstream_statsd_takes_labels_as_tags(tmp_path: Path) -> None:
    async with Upstream(tmp_path) as daemon:
        with ReporterWorld(port=daemon.port, tags=True) as world:
            await flush_twice(world)
            values = await daemon.values()
    assert values.named("fanwire.") == every_tagged_name()
    assert_values(values)
    assert values.counters["fanwire.ws.disconnected;code=1006"] == 1
    assert values.counters[f"fanwire.ws.disconnected;code={OTHER}"] == 0
    assert values.counters["statsd.bad_lines_seen"] == 0


@pytest.mark.gen_test(timeout=120)
async def test_collectd_gets_every_name_and_the_right_values(tmp_path: Path) -> None:
    async with Collectd(tmp_path) as daemon:
        with ReporterWorld(port=daemon.port) as world:
            await flush_twice(world)
            values = await daemon.values()
    assert values.named("fanwire.") == every_name()
    assert_values(values)
    assert values.counters["fanwire.ws.disconnected.1006"] == 1
    assert "Unable to parse" not in daemon.process.log


@pytest.mark.gen_test(timeout=120)
async def test_what_is_counted_while_stopping_still_reaches_the_daemon(tmp_path: Path) -> None:
    async with Upstream(tmp_path) as daemon:
        with ReporterWorld(port=daemon.port) as world:
            await flush_twice(world)
            world.meter.add(WS_CONNECTED, 5)
            await world.stop()
            values = await daemon.values()
    assert values.counters["fanwire.ws.connected"] == 12
