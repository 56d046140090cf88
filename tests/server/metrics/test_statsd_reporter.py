"""The reporter: what each flush tells, what outlives a restart, and the last flush."""

import pytest
from loop_turns import until
from statsd_world import ReporterWorld

from actors.metrics import (
    CATALOGUE,
    OTHER,
    WS_CONNECTED,
    WS_CONNECTIONS,
    WS_DISCONNECTED,
    WS_FANOUT,
    WS_MAILBOX_DEPTH,
    Kind,
)
from server.config import StatsdConfig
from server.metrics.statsd_pipeline import MAX_PACKET_BYTES
from server.metrics.statsd_reporter import StatsdState
from server.testing.statsd_sink import StatsdSink


def test_without_a_host_there_is_nothing_to_report_to() -> None:
    with pytest.raises(ValueError, match=r"statsd\.host"):
        StatsdState(StatsdConfig())


@pytest.mark.gen_test
async def test_the_first_flush_tells_every_counter_and_later_ones_what_grew() -> None:
    with StatsdSink() as daemon, ReporterWorld(port=daemon.port) as world:
        world.start()
        world.meter.add(WS_CONNECTED, 3)
        first = await world.lines(daemon)
        expected = {
            f"fanwire.{metric.statsd_name}{'.' + value if value else ''}:0|c"
            for metric in CATALOGUE
            if metric.kind is Kind.COUNTER
            for value in metric.series
        }
        expected.remove("fanwire.ws.connected:0|c")
        assert expected < set(first)
        assert "fanwire.ws.connected:3|c" in first
        world.meter.add(WS_CONNECTED, 4)
        world.meter.add(WS_DISCONNECTED, label="1006")
        assert await world.lines(daemon) == ["fanwire.ws.connected:4|c", "fanwire.ws.disconnected.1006:1|c"]
        assert await world.lines(daemon) == []


@pytest.mark.gen_test
async def test_gauges_are_read_with_each_flush_and_histograms_tell_the_interval() -> None:
    with StatsdSink() as daemon, ReporterWorld(port=daemon.port) as world:
        depth = {"now": 5}
        world.meter.watch(WS_MAILBOX_DEPTH, lambda: depth["now"])
        world.start()
        world.meter.observe(WS_FANOUT, 10.0, times=100)
        assert "fanwire.ws.mailbox_depth:5|g" in await world.lines(daemon)
        depth["now"] = 0
        world.meter.observe(WS_FANOUT, 0.001)
        assert await world.lines(daemon) == [
            "fanwire.ws.mailbox_depth:0|g",
            "fanwire.ws.fanout.count:1|c",
            "fanwire.ws.fanout.p50:0.85|g",
            "fanwire.ws.fanout.p95:0.985|g",
            "fanwire.ws.fanout.p99:0.997|g",
        ]


@pytest.mark.gen_test
async def test_labels_become_tags_where_the_configuration_wants_it() -> None:
    with StatsdSink() as daemon, ReporterWorld(port=daemon.port, tags=True) as world:
        world.start()
        await world.lines(daemon)
        world.meter.add(WS_DISCONNECTED, label="1006")
        world.meter.add(WS_DISCONNECTED, label="no such code")
        assert await world.lines(daemon) == [
            "fanwire.ws.disconnected:1|c|#code:1006",
            f"fanwire.ws.disconnected:1|c|#code:{OTHER}",
        ]


@pytest.mark.gen_test
async def test_packets_are_full_and_within_their_bound() -> None:
    with StatsdSink() as daemon, ReporterWorld(port=daemon.port) as world:
        world.start()
        await world.lines(daemon)
        sizes = [len(packet) for packet in daemon.packets]
        assert max(sizes) <= MAX_PACKET_BYTES
        assert sum(sizes) / len(sizes) > 0.8 * MAX_PACKET_BYTES


@pytest.mark.gen_test
async def test_stopping_flushes_once_more_and_closes_the_socket() -> None:
    with StatsdSink() as daemon, ReporterWorld(port=daemon.port) as world:
        world.start()
        await world.lines(daemon)
        daemon.forget()
        world.meter.add(WS_CONNECTED)
        await world.stop()
        await until(lambda: daemon.lines == ["fanwire.ws.connected:1|c"], "the last flush")
        assert not world.state.socket.is_open
        assert world.exits[-1].failure is None
        assert world.clock.waiting == []


@pytest.mark.gen_test
async def test_the_next_incarnation_tells_only_what_the_last_one_did_not() -> None:
    with StatsdSink() as daemon, ReporterWorld(port=daemon.port) as world:
        world.start()
        world.meter.add(WS_CONNECTED, 3)
        await world.lines(daemon)
        world.mailbox.offer("what no reporter understands")
        await until(lambda: len(world.exits) == 1, "its end")
        assert isinstance(world.exits[0].failure, NotImplementedError)
        assert not world.state.socket.is_open
        world.meter.add(WS_CONNECTED, 1)
        world.start()
        assert await world.lines(daemon) == ["fanwire.ws.connected:1|c"]


@pytest.mark.gen_test
async def test_a_gauge_that_fails_is_the_reporters_failure_and_sends_no_half_flush() -> None:
    with StatsdSink() as daemon, ReporterWorld(port=daemon.port) as world:
        world.start()
        await world.lines(daemon)
        daemon.forget()
        world.meter.add(WS_CONNECTED)
        world.meter.watch(WS_CONNECTIONS, lambda: {}["no such key"])
        await world.until_after(lambda: world.exits, "its end")
        assert isinstance(world.exits[0].failure, KeyError)
        world.meter.watch(WS_CONNECTIONS, lambda: 1)
        world.start()
        assert await world.lines(daemon) == ["fanwire.ws.connected:1|c", "fanwire.ws.connections:1|g"]
