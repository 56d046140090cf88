"""``/healthz`` and ``/readyz``: alive is not the same as ready."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from gateways import running_gateway
from tornado.httpclient import AsyncHTTPClient

from server.app import Gateway
from server.config import AuthConfig, Config
from server.metrics.readings import Readings
from server.siblings import AllReadings, SiblingsUnknown, WorkerState
from tests.conftest import ExpectedLogs


@pytest.mark.gen_test
async def test_a_running_gateway_is_alive_and_ready() -> None:
    async with running_gateway() as running:
        health = await running.request("GET", "/healthz")
        ready = await running.request("GET", "/readyz")
    assert (health.status, health.body) == (200, {"status": "ok"})
    assert (ready.status, ready.body) == (200, {"status": "ready", "checks": {"bus": True, "accepting": True}})
    assert ready.headers["Cache-Control"] == "no-store"


@pytest.mark.gen_test
async def test_without_its_bus_a_gateway_is_alive_but_not_ready(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("GET /readyz 503")
    async with running_gateway() as running:
        await running.gateway.bus.close()
        ready = await running.request("GET", "/readyz")
        assert (ready.status, ready.body["status"], ready.body["checks"]["bus"]) == (503, "not ready", False)
        assert (await running.request("GET", "/healthz")).status == 200


@pytest.mark.gen_test
async def test_a_draining_gateway_is_not_ready_for_more(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("GET /readyz 503")
    async with running_gateway() as running:
        running.gateway.admission.draining = True
        ready = await running.request("GET", "/readyz")
        assert (ready.status, ready.body["checks"]) == (503, {"bus": True, "accepting": False})


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_need_no_token(path: str) -> None:
    settings = {"auth.mode": "jwt", "auth.secret": "a secret of 32 bytes, as HS256 wants it"}
    async with running_gateway(settings) as running:
        assert (await running.request("GET", path)).status == 200


class _Siblings:
    """Stands for the line to a parent, which says this of all workers; None: it does not answer."""

    number = 1

    def __init__(self, states: dict[int, WorkerState] | None) -> None:
        self._states = states

    async def states(self) -> dict[int, WorkerState]:
        if self._states is None:
            raise SiblingsUnknown
        return self._states

    async def readings(self) -> AllReadings:
        if self._states is None:
            raise SiblingsUnknown
        return AllReadings(Readings(), dict.fromkeys(self._states, True), 0)


@asynccontextmanager
async def one_of_several(siblings: _Siblings) -> AsyncIterator[str]:
    """The base URL of a gateway that is a worker among ``siblings``."""
    gateway = Gateway(Config(auth=AuthConfig(mode="disabled")), failed=lambda: None, siblings=siblings)
    gateway.listen("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{gateway.port}"
    finally:
        await gateway.stop(1.0)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("states", "status"),
    [
        ({1: WorkerState.READY, 2: WorkerState.READY}, 200),
        ({1: WorkerState.READY, 2: WorkerState.AWAY}, 200),
        ({1: WorkerState.READY, 2: WorkerState.NOT_READY}, 503),
        (None, 503),
    ],
)
async def test_readiness_of_one_of_several_is_that_of_all(
    states: dict[int, WorkerState] | None, status: int, expected_logs: ExpectedLogs
) -> None:
    expected_logs.allow("GET /readyz 503")
    async with one_of_several(_Siblings(states)) as url:
        answer = await AsyncHTTPClient(force_instance=True).fetch(f"{url}/readyz", raise_error=False)
        assert answer.code == status
        workers = json.loads(answer.body)["workers"]
        assert workers == (
            "the parent process did not say in time how the other workers are"
            if states is None
            else {str(number): state.value for number, state in states.items()}
        )
        assert (await AsyncHTTPClient(force_instance=True).fetch(f"{url}/healthz")).code == 200


@pytest.mark.gen_test
async def test_metrics_of_one_of_several_are_not_shown_as_those_of_all(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("GET /metrics 503")
    async with one_of_several(_Siblings(None)) as url:
        answer = await AsyncHTTPClient(force_instance=True).fetch(f"{url}/metrics", raise_error=False)
        assert (answer.code, answer.headers["Retry-After"]) == (503, "5")
