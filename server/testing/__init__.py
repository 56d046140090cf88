"""Tests of applications on Fanwire: a client that fails well, real gateways, a manual clock, captures played again.

For pytest: ``pytest_plugins = ["server.testing.plugin"]``. Everything here also works without it.
"""

from server.testing.captured_visits import BadCapture
from server.testing.dialect import Closed
from server.testing.expectations import Wanted
from server.testing.failure import ConnectionRefused, ExpectationFailed
from server.testing.gateway_pair import gateway_pair
from server.testing.gateway_process import GatewayProcess
from server.testing.gateway_settings import STRICT
from server.testing.harness import WsHarness
from server.testing.local_gateway import LocalGateway, local_gateway
from server.testing.manual_clock import ManualClock
from server.testing.statsd_sink import StatsdSink
from server.testing.tokens import WITH_TOKENS, token_for
from server.testing.websocket_frames import frame_bytes

__all__ = [
    "STRICT",
    "WITH_TOKENS",
    "BadCapture",
    "Closed",
    "ConnectionRefused",
    "ExpectationFailed",
    "GatewayProcess",
    "LocalGateway",
    "ManualClock",
    "StatsdSink",
    "Wanted",
    "WsHarness",
    "frame_bytes",
    "gateway_pair",
    "local_gateway",
    "token_for",
]
