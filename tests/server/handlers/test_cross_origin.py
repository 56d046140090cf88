"""Cross-origin use of the routes that browsers call: by the exact Origin, never ``*``, and never another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from event_stream import EventStream
from gateways import WITH_TOKENS, RunningGateway, running_gateway, token_for

from actors.metrics import WS_AUTH_FAILURES

APP = "https://app.example"
ROUTES = ["/api/events?topic=t:a", "/api/ws/replay?topic=t:a&after=earliest"]
FOREIGN = ["null", "*", "https://evil.example", "https://app.example:8443", "http://app.example", f"{APP}.evil.example"]


@asynccontextmanager
async def gateway() -> AsyncIterator[RunningGateway]:
    async with running_gateway({**WITH_TOKENS, "server.allowed_origins": [APP]}) as running:
        yield running


async def ask(running: RunningGateway, path: str, origin: str | None, method: str = "GET") -> EventStream:
    """The answer's head; the connection is closed by the test."""
    headers = {"Authorization": f"Bearer {token_for(subscribe=['*'])}"}
    stream = await EventStream.asked(
        running.port, path, method=method, headers=headers | ({} if origin is None else {"Origin": origin})
    )
    await stream.read_head()
    return stream


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ROUTES)
async def test_an_allowed_origin_is_named_and_caches_are_told_that_it_matters(path: str) -> None:
    async with gateway() as running, await ask(running, path, APP) as answer:
        assert answer.status == 200
        assert answer.header("Access-Control-Allow-Origin") == APP
        assert answer.header("Vary") == "Origin"
        assert answer.header("Access-Control-Allow-Credentials") is None


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ROUTES)
async def test_without_an_origin_none_is_allowed_and_the_answer_still_varies(path: str) -> None:
    async with gateway() as running, await ask(running, path, None) as answer:
        assert answer.status == 200
        assert answer.header("Access-Control-Allow-Origin") is None
        assert answer.header("Vary") == "Origin"


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ROUTES)
async def test_the_gateways_own_pages_may_read(path: str) -> None:
    async with gateway() as running:
        own = f"http://127.0.0.1:{running.port}"
        async with await ask(running, path, own) as answer:
            assert (answer.status, answer.header("Access-Control-Allow-Origin")) == (200, own)


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("origin", FOREIGN)
async def test_another_origin_is_403_and_may_read_nothing(origin: str, path: str, method: str) -> None:
    async with gateway() as running, await ask(running, path, origin, method) as answer:
        assert answer.status == 403
        assert answer.header("Access-Control-Allow-Origin") is None


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ROUTES)
async def test_a_preflight_of_an_allowed_origin_is_answered_without_a_token(path: str) -> None:
    async with gateway() as running:
        answer = await running.request(
            "OPTIONS",
            path,
            headers={
                "Origin": APP,
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorization,last-event-id",
            },
        )
        allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
        assert (answer.status, answer.body) == (204, None)
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert answer.headers["Access-Control-Allow-Methods"] == "GET"
        assert allowed == {"authorization", *(["last-event-id"] if "events" in path else [])}
        assert answer.headers["Vary"] == "Origin"
        assert int(answer.headers["Access-Control-Max-Age"]) > 0
        assert len(running.gateway.clients) == 0


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ROUTES)
async def test_an_allowed_page_can_read_why_it_was_refused(path: str) -> None:
    async with gateway() as running:
        answer = await running.request("GET", path, headers={"Origin": APP})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, APP)
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ROUTES)
async def test_an_origin_with_a_line_break_adds_no_header(path: str) -> None:
    async with gateway() as running, await ask(running, path, f"{APP}%0d%0aX-Evil: 1") as answer:
        assert answer.status == 403
        assert answer.header("X-Evil") is None


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ROUTES)
async def test_a_refused_origin_is_told_to_caches_as_well(path: str) -> None:
    async with gateway() as running, await ask(running, path, FOREIGN[2]) as answer:
        assert (answer.status, answer.header("Vary")) == (403, "Origin")


@pytest.mark.gen_test
async def test_a_page_of_an_allowed_origin_may_publish_and_read_the_answer() -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    async with gateway() as running:
        preflight = await running.request("OPTIONS", "/api/publish", headers={"Origin": APP, **asks})
        assert (preflight.status, preflight.headers["Access-Control-Allow-Methods"]) == (204, "POST")
        assert preflight.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
        headers = {"Origin": APP, "Authorization": f"Bearer {token_for(publish=['*'])}"}
        answer = await running.request("POST", "/api/publish", b'{"topic":"t:a","type":"x"}', headers=headers)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, APP)
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.gen_test
async def test_a_preflight_is_no_token_that_failed() -> None:
    async with gateway() as running:
        assert (await running.request("OPTIONS", "/api/publish", headers={"Origin": FOREIGN[2]})).status == 403
        assert not sum(running.gateway.telemetry.meter.counts(WS_AUTH_FAILURES).values())
