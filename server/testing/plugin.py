"""The pytest plugin: ``pytest_plugins = ["server.testing.plugin"]`` in a conftest. Nothing else here wants pytest.

It registers no loop, no policy and no mode: whatever runs a project's asynchronous tests goes on doing so.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from server.testing.gateway_on_demand import GatewayOnDemand
from server.testing.gateway_pair import gateway_pair as pair
from server.testing.gateway_settings import STRICT, Settings
from server.testing.manual_clock import ManualClock
from server.testing.statsd_sink import StatsdSink
from server.testing.tokens import token_for

__all__ = ["gateway", "gateway_pair", "gateway_settings", "manual_clock", "statsd_sink", "strict_limits", "token"]


@pytest.fixture
def gateway_settings() -> Settings:
    """What ``gateway`` is told, by dotted keys. Override it in a conftest, a module or a class."""
    return {}


@pytest.fixture
def strict_limits() -> Settings:
    """Small limits everywhere; a ``gateway_settings`` of yours may return them, or more than them."""
    return STRICT


@pytest.fixture
def gateway(request: pytest.FixtureRequest, gateway_settings: Settings) -> Iterator[GatewayOnDemand]:
    """A real gateway on a free port, in the test's own loop. It takes the tokens of ``token``.

    With ``manual_clock`` in the same test its time is that clock's; with ``statsd_sink`` its metrics go there.
    """
    # pytest-tornado's loop has to outlive the gateway in it: what is asked for first is torn down last.
    io_loop = request.getfixturevalue("io_loop") if "io_loop" in request.fixturenames else None
    made = GatewayOnDemand(_told(request, gateway_settings), _asked_for(request, "manual_clock"))
    yield made
    made.end(None if io_loop is None else io_loop.asyncio_loop)


@pytest.fixture
def gateway_pair() -> Any:
    """Two workers on one bus: ``async with gateway_pair("nats") as (one, other)``; Redis where nothing is named."""
    return pair


@pytest.fixture
def token() -> Any:
    """``token("ada", subscribe=["thread:*"], publish=[])``: what ``gateway`` lets in."""
    return token_for


@pytest.fixture
def manual_clock() -> ManualClock:
    """Time that passes only by ``advance(seconds)``, for heartbeats and expiry; it begins now, so that tokens hold."""
    return ManualClock(unix_s=time.time())


@pytest.fixture
def statsd_sink() -> Iterator[StatsdSink]:
    """A StatsD daemon that keeps what it is told."""
    with StatsdSink() as sink:
        yield sink


def _told(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    sink = _asked_for(request, "statsd_sink")
    return settings if sink is None else {**sink.settings, **settings}


def _asked_for(request: pytest.FixtureRequest, name: str) -> Any:
    return request.getfixturevalue(name) if name in request.fixturenames else None
