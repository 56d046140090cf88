"""``/ops`` and its data from a real gateway: who may ask, what is shown, and that no secret is in it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import Faults
from gateways import LONG_S, SECRET, WITH_TOKENS, RunningGateway, bearer, envelope, running_gateway, token_for
from loop_turns import until
from slow_reader import until_blocked
from stalled_client import BOUND, PAYLOAD, publish_many, stalled
from tornado.httpclient import HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from server.app import Gateway
from server.config import AuthConfig, Config
from server.config_shown import describe
from server.config_sources import LoadedConfig
from server.handlers import ops
from server.ops.slices import TOP

ADMIN = bearer(token_for("root", admin=True, ttl_s=LONG_S))
MANY = 30
ROUTES = ("/api/ops/snapshot", "/api/ops/config")


async def snapshot_of(running: RunningGateway, headers: dict[str, str] | None = None) -> Any:
    answer = await running.request("GET", "/api/ops/snapshot", headers=headers)
    assert answer.status == 200, answer
    return answer.body


def branch(snapshot: Any, name: str) -> Any:
    (found,) = [node for node in snapshot["actors"]["shown"] if node["name"] == name]
    return found


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ROUTES)
async def test_only_an_admin_gets_data_also_on_this_machine(path: str) -> None:
    async with running_gateway(WITH_TOKENS) as running:
        reader = bearer(token_for(subscribe=["*"], publish=["*"]))
        answers = [
            await running.request("GET", path, headers=headers) for headers in ({}, bearer("no.token"), reader, ADMIN)
        ]
        assert [answer.status for answer in answers] == [401, 401, 403, 200]
        assert [answer.body.get("code") for answer in answers[:3]] == ["unauthorized", "unauthorized", "forbidden"]
        assert answers[3].headers["Cache-Control"] == "no-store"


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ROUTES)
async def test_where_nobody_needs_a_token_pages_of_others_get_no_data(path: str) -> None:
    async with running_gateway() as running:
        assert (await running.request("GET", path)).status == 200
        for headers in ({"Host": "rebound.example"}, {"Origin": "https://evil.example"}):
            assert (await running.request("GET", path, headers=headers)).status == 403


@pytest.mark.gen_test
async def test_a_snapshot_has_everything_that_the_page_shows() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.subscribe("t")
        await running.publish(envelope("t"))
        await tab.frame_of_type("note")
        snapshot = await snapshot_of(running)
        assert snapshot["connections"] == 1
        assert snapshot["bus"] == {"name": "memory", "ready": True}
        assert snapshot["counters"]["ws_connected_total"] == 1
        assert snapshot["gauges"]["actor_running"] == {"topic": 2, "client": 1}
        for name in ("ws_fanout_seconds", "ws_publish_to_socket_seconds"):
            assert snapshot["histograms"][name]["count"] == 1
        assert {"topic", "client"} <= set(snapshot["histograms"]["actor_mailbox_wait_seconds"])
        assert "counts" in snapshot["histograms"]["loop_lag_seconds"]
        names = [node["name"] for node in snapshot["actors"]["shown"]]
        assert names == ["reporters", "topics", "clients", "memory"]
        assert [node["name"] for node in branch(snapshot, "topics")["shown"]] == ["user:anonymous", "t"]
        rows = {row["topic"]: row for row in snapshot["topics"]["by_messages"]}
        assert (rows["t"]["subscribers"], rows["t"]["messages"], rows["t"]["history"]) == (1, 1, 1)
        assert snapshot["odd_events"] == {"events": [], "fell_out": 0}


@pytest.mark.gen_test(timeout=30)
async def test_an_actor_that_failed_is_shown_with_its_restarts_and_among_the_odd_events(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed: ValueError")
    expected_logs.allow("dead letter")
    with Faults():
        async with running_gateway() as running:
            poison = envelope("t", data={"fault": "topic ValueError"})
            await running.publish(poison)
            topics = running.gateway._topics
            await until(lambda: topics.restarts == 1)
            snapshot = await snapshot_of(running)
            branch_of_topics = branch(snapshot, "topics")
            assert (branch_of_topics["child_restarts"], branch_of_topics["child_failures"]) == (1, 1)
            (node,) = branch_of_topics["shown"]
            assert (node["name"], node["generation"], node["restarts"], node["running"]) == ("t", 2, 1, True)
            events = snapshot["odd_events"]["events"]
            failure = next(event for event in events if event["message"].startswith("an actor failed"))
            assert (failure["level"], failure["actor"], failure["trace_id"]) == ("error", "topic t", poison["id"])


@pytest.mark.gen_test(timeout=30)
async def test_a_client_that_stops_reading_is_shown_with_its_policy_and_depth() -> None:
    async with stalled("drop_oldest:a") as (running, _):
        await until_blocked(running, "drop_oldest:a", PAYLOAD)
        await publish_many(running, "drop_oldest:a", 2 * BOUND)
        snapshot = await snapshot_of(running)
        (row,) = snapshot["slow_clients"]["rows"]
        assert (row["policy"], row["depth"], row["user"]) == ("drop_oldest", BOUND, "anonymous")
        assert row["topics"][0] == {
            "topic": "drop_oldest:a",
            "waiting": BOUND,
            "policy": "drop_oldest",
            "behind": False,
        }
        assert row["dropped"] > 0 and row["bytes"] > BOUND * len(PAYLOAD)
        assert 0 <= row["slow_s"] <= row["unsent_s"] < 30
        assert branch(snapshot, "clients")["shown"][0]["depth"] == BOUND


@pytest.mark.gen_test(timeout=30)
async def test_no_list_grows_with_the_number_of_clients_or_topics() -> None:
    async with running_gateway() as running:
        for number in range(MANY):
            tab = await running.tab()
            await tab.subscribe(f"t{number}")
        snapshot = await snapshot_of(running)
        assert branch(snapshot, "clients")["children"] == MANY
        assert len(branch(snapshot, "clients")["shown"]) == len(branch(snapshot, "topics")["shown"]) == TOP
        assert snapshot["topics"]["total"] == MANY + 1
        assert len(snapshot["topics"]["by_subscribers"]) == len(snapshot["topics"]["by_messages"]) == TOP


@pytest.mark.gen_test
async def test_the_configuration_is_shown_with_secrets_masked() -> None:
    given = {**WITH_TOKENS, "topics.thread.overflow": "catch_up"}
    async with running_gateway(given) as running:
        settings = (await running.request("GET", "/api/ops/config", headers=ADMIN)).body["settings"]
        rows = {row["key"]: (row["value"], row["source"]) for row in settings}
        assert rows["auth.secret"] == ("********", "flag --secret")
        assert rows["heartbeat.interval_s"] == ("1000000.0", "flag --interval-s")
        assert rows["mailbox.messages"] == ("500", "default")
        assert rows["topics.thread.overflow"] == ("catch_up", "environment FANWIRE_TOPICS__THREAD__OVERFLOW")


@pytest.mark.gen_test
async def test_a_gateway_that_a_program_made_says_that_its_settings_are_from_there() -> None:
    gateway = Gateway(Config(auth=AuthConfig(mode="disabled")), failed=lambda: None)
    rows = describe(LoadedConfig(gateway.config, {}))
    assert ("auth.mode", "disabled", "program") in rows


@pytest.mark.gen_test
async def test_no_token_and_no_secret_is_in_any_answer(expected_logs: Any) -> None:
    expected_logs.allow("/api/publish")
    async with running_gateway(WITH_TOKENS) as running:
        user = token_for(subscribe=["*"], publish=["*"])
        async with await running.tab(token=user) as tab:
            await tab.subscribe("t")
            running.gateway.bus.stop()
            refused = await running.request("POST", f"/api/publish?token={user}", json.dumps(envelope("t")))
            assert refused.status == 503
            answers = [await running.request("GET", path, headers=ADMIN) for path in ROUTES]
        told = [json.dumps(answer.body) for answer in answers]
        assert "/api/publish" in told[0], "the odd event with the token in its URI is not there"
        for text in told:
            assert SECRET not in text
            assert not re.search(r"eyJ[A-Za-z0-9_-]", text)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the pages are built to, with a page and one file that it loads."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "ops.html").write_text("<!doctype html><title>ops</title>")
    (tmp_path / "assets" / "ops-1a2b.js").write_text("export {}")
    (tmp_path / ".hidden").write_text("no")
    monkeypatch.setattr(ops, "STATIC", tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path)


async def fetch(running: RunningGateway, path: str, headers: dict[str, str] | None = None) -> HTTPResponse:
    http = SimpleAsyncHTTPClient(force_instance=True)
    try:
        url = f"http://127.0.0.1:{running.port}{path}"
        return await http.fetch(url, headers=headers or {}, raise_error=False, request_timeout=5)
    finally:
        http.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("settings", [{}, WITH_TOKENS], ids=["open", "with tokens"])
async def test_the_page_and_its_files_are_served_to_everybody_under_a_strict_policy(
    settings: dict[str, object], built: Path
) -> None:
    async with running_gateway(settings) as running:
        page, script = await fetch(running, "/ops"), await fetch(running, "/static/assets/ops-1a2b.js")
        assert (page.code, page.headers["Content-Type"], page.body[:15]) == (200, "text/html", b"<!doctype html>")
        assert (script.code, script.body) == (200, b"export {}")
        for answer in (page, script):
            policy = answer.headers["Content-Security-Policy"].split("; ")
            assert {"default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"} <= set(policy)
            assert not [part for part in policy if "unsafe" in part]


@pytest.mark.gen_test
async def test_a_page_that_was_built_anew_is_sent_anew(built: Path) -> None:
    async with running_gateway() as running:
        etag = (await fetch(running, "/ops")).headers["Etag"]
        assert (await fetch(running, "/ops", {"If-None-Match": etag})).code == 304
        (built / "ops.html").write_text("<!doctype html><title>new</title> ")
        assert (await fetch(running, "/ops", {"If-None-Match": etag})).body.endswith(b"<title>new</title> ")


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["/static/.hidden", "/static/", "/static/../ops.py", "/static/%2e%2e/app.py", "/ops/"])
async def test_nothing_but_the_files_of_the_pages_is_served(path: str, built: Path) -> None:
    async with running_gateway() as running:
        assert (await fetch(running, path)).code == 404


@pytest.mark.gen_test
async def test_a_page_that_was_never_built_says_how_to_build_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops, "STATIC", tmp_path / "absent")
    async with running_gateway() as running:
        page = await fetch(running, "/ops")
        assert page.code == 404 and "npm run build" in page.body.decode() and "make run" in page.body.decode()
        assert "Content-Security-Policy" in page.headers
