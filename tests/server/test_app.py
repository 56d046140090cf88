"""The composition root: settings reach the parts they are meant for, and stopping lets go of everything."""

import asyncio

import pytest
from gateways import DRAIN_S, WITH_TOKENS, envelope, running_gateway
from node_peers import Closed
from wire import RawClient

from actors.bus_bridge import BusBridge
from actors.ports import BusUnavailable
from actors.protocol.envelope import ProtocolError
from server.app import Gateway
from server.config_sources import load_config
from server.signing_keys import BadKey
from tests.conftest import ExpectedLogs


@pytest.mark.gen_test
async def test_publishing_from_within_reaches_subscribers_like_any_other_message() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("vitals")
        placed = await running.gateway.publish("vitals", "cpu", {"percent": 1.5})
        message = await tab.frame_of_type("cpu")
    assert (message["seq"], message["prev"], message["data"]) == (placed.seq, 0, {"percent": 1.5})


@pytest.mark.gen_test
async def test_publishing_from_within_obeys_the_same_rules() -> None:
    async with running_gateway() as running:
        for topic, kind, data in (("system", "n", {}), ("t", "N", {}), ("t", "n", float("nan")), ("t", "n", 2**60)):
            with pytest.raises(ProtocolError):
                await running.gateway.publish(topic, kind, data)
        await running.gateway.bus.close()
        with pytest.raises(BusUnavailable):
            await running.gateway.publish("t", "n", {})


@pytest.mark.gen_test
async def test_history_is_bounded_as_its_namespace_says() -> None:
    settings = {"history.messages": 2}
    async with running_gateway(settings) as running, await running.tab() as tab:
        for n in range(5):
            await running.publish(envelope("t", data=n))
        subscribe = envelope("system", "subscribe", {"topics": {"t": {"since": "earliest"}}})
        assert (await tab.ask(subscribe))["data"]["topics"]["t"]["replayed"] == 2
        assert [(await tab.frame_of_type("note"))["data"] for _ in range(2)] == [3, 4]


@pytest.mark.gen_test
async def test_the_limit_for_frames_holds_for_bodies_too() -> None:
    async with running_gateway({"server.max_frame_bytes": 1024}) as running, await running.tab() as tab:
        assert (await running.publish("x" * 1025)).status == 413
        await tab.send("x" * 1025)
        assert (await tab.closed()).code == 1009


@pytest.mark.gen_test
async def test_stopping_tells_every_client_to_come_back_and_refuses_new_ones() -> None:
    async with running_gateway() as running:
        async with await running.tab() as one, await running.tab() as other:
            await one.frame()
            await other.frame()
            stopping = asyncio.ensure_future(running.gateway.stop(DRAIN_S))
            for tab in (one, other):
                assert await tab.closed() == Closed(1012, "the gateway restarts: come back and resume")
            await stopping
        assert len(running.gateway.clients) == 0
        assert len(running.gateway.directory) == 0
        assert running.gateway.admission.connections == 0
        with pytest.raises(ConnectionRefusedError):
            await RawClient.connect(running.port)


@pytest.mark.gen_test
async def test_who_does_not_let_go_does_not_hold_the_stop_up(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("connections are cut off at the end of the drain")
    async with running_gateway() as running, await RawClient.upgraded(running.port) as client:
        await client.frame()
        async with asyncio.timeout(1):
            await running.gateway.stop(0.05)
        assert (await client.closed() or Closed(0, "")).code == 1012


@pytest.mark.gen_test
async def test_a_request_under_way_while_the_gateway_stops_is_turned_away() -> None:
    async with running_gateway() as running:
        idle = await RawClient.connect(running.port)
        await idle.send_bytes(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await idle.head()).startswith("HTTP/1.1 200")
        running.gateway.admission.draining = True
        async with await running.tab() as late:
            closed = await late.closed()
            assert (closed.code, "shutting down" in closed.reason) == (1013, True)
        await running.gateway.stop(DRAIN_S)
        await idle.gone()
        idle.close()


@pytest.mark.gen_test
async def test_a_failure_that_restarts_cannot_make_good_asks_for_the_end(
    expected_logs: ExpectedLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for message in ("an actor failed", "is given up", "the worker ends"):
        expected_logs.allow(message)

    def fail_to_start(bridge: BusBridge) -> None:
        raise OSError("on purpose")

    monkeypatch.setattr(BusBridge, "on_start", fail_to_start)
    async with running_gateway() as running, asyncio.timeout(10):
        await running.failed.wait()


def test_keys_that_cannot_be_used_are_an_error_at_start() -> None:
    config = load_config({**WITH_TOKENS, "auth.secret": "short"}, {}, None).config
    with pytest.raises(BadKey):
        Gateway(config, failed=lambda: None)
