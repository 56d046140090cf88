"""``/healthz`` and ``/readyz``: alive is not the same as ready."""

import pytest
from gateways import running_gateway

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
