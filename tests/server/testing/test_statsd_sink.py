"""The StatsD daemon of tests."""

from collections.abc import Callable

import pytest

from server.testing import StatsdSink, WsHarness
from server.testing.gateway_on_demand import GatewayOnDemand


@pytest.mark.gen_test
async def test_a_gateways_metrics_arrive(
    statsd_sink: StatsdSink, gateway: GatewayOnDemand, token: Callable[..., str]
) -> None:
    async with WsHarness(gateway, token("ada")):
        assert await statsd_sink.expect("fanwire.ws.connected:") == "fanwire.ws.connected:1|c"
    assert statsd_sink.total("fanwire.ws.connected") == 1


@pytest.mark.gen_test
async def test_a_line_that_does_not_come_fails_with_what_did(statsd_sink: StatsdSink) -> None:
    with pytest.raises(AssertionError, match=r"no StatsD line with 'nothing' within 0.02 s; of \[\]"):
        await statsd_sink.expect("nothing", timeout=0.02)
