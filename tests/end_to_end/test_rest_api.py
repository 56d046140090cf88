"""Schemathesis takes docs/openapi.yaml at its word, and asks a real gateway everything that follows from it."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from schemathesis_run import schemathesis
from specs import DOCS, OPENAPI, OPENAPI_FILE

from server.testing.gateway_settings import QUIET, environment_of
from server.testing.server_process import ServerProcess
from server.testing.tokens import WITH_TOKENS, token_for

pytestmark = pytest.mark.slow

METHODS = {"get", "head", "post", "options"}
OPERATIONS = sum(len(METHODS & item.keys()) for item in OPENAPI["paths"].values())
LONG_S = 3600.0


@asynccontextmanager
async def _gateway() -> AsyncIterator[str]:
    """The URL of one that asks for tokens, and has the routes of development mode as well."""
    argv = [sys.executable, "-m", "server.cli", "serve", "--dev", "--port", "{port}"]
    async with ServerProcess(argv, env=environment_of({**QUIET, **WITH_TOKENS})) as process:
        yield f"http://127.0.0.1:{process.port}"


def _admin() -> tuple[str, str]:
    token = token_for("root", subscribe=["*"], publish=["*"], admin=True, ttl_s=LONG_S)
    return "--header", f"Authorization: Bearer {token}"


@pytest.mark.gen_test(timeout=150)
async def test_with_an_admins_token_every_answer_is_one_of_the_spec(tmp_path: Path) -> None:
    async with _gateway() as url:
        # A stream of events does not end, so it is asked for without a token alone.
        found = await schemathesis(url, tmp_path, *_admin(), "--exclude-path", "/api/events")
    assert found.failures == []
    assert found.tested == OPERATIONS - 2
    assert found.answers >= {
        ("POST", "/api/publish", 200),
        ("POST", "/api/publish", 400),
        ("POST", "/api/publish", 401),
        ("GET", "/api/ws/replay", 200),
        ("GET", "/api/ws/replay", 400),
        ("GET", "/api/ws/replay", 410),
        ("GET", "/api/ws", 426),
        ("GET", "/api/ops/snapshot", 200),
        ("GET", "/api/ops/config", 401),
        ("POST", "/api/demo/token", 200),
        ("GET", "/metrics", 200),
        ("GET", "/readyz", 200),
        ("DELETE", "/metrics", 405),
    }


@pytest.mark.gen_test(timeout=150)
async def test_without_a_token_nothing_is_told_but_why(tmp_path: Path) -> None:
    async with _gateway() as url:
        found = await schemathesis(url, tmp_path)
    assert found.failures == []
    assert found.tested == OPERATIONS
    let_in = {path for _, path, status in found.answers if status == 200}
    assert {path for path in let_in if not path.startswith(("/static/", "/ops"))} <= {
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    assert {("GET", "/api/events", 401), ("POST", "/api/publish", 401)} <= found.answers


@pytest.mark.gen_test(timeout=150)
async def test_an_answer_that_the_spec_does_not_have_is_found(tmp_path: Path) -> None:
    (tmp_path / "envelope.schema.json").write_text((DOCS / "envelope.schema.json").read_text())
    wrong = tmp_path / "openapi.yaml"
    wrong.write_text(OPENAPI_FILE.read_text().replace("status: { const: ok }", "status: { const: fine }"))
    async with _gateway() as url:
        found = await schemathesis(url, tmp_path, "--include-path", "/healthz", spec=wrong)
    assert found.failures
