"""What users import, and what importing it brings along."""

import subprocess
import sys

import pytest

import server.testing


def test_the_front_door_is_small_and_known() -> None:
    assert server.testing.__all__ == [
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


@pytest.mark.slow
def test_it_needs_neither_pytest_nor_a_plugin_and_leaves_the_loops_policy_alone() -> None:
    program = (
        "import asyncio, sys, server.testing\n"
        "assert not {'pytest', 'pytest_tornado', 'websockets', 'redis'} & set(sys.modules)\n"
        "assert asyncio.events._event_loop_policy is None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)
