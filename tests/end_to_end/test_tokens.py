"""Tokens over the wire: the three places, renewal and expiry on a live socket, rotation, and silence in the logs."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from gateways import SECRET, WITH_TOKENS, RunningGateway, envelope, running_gateway, token_for
from key_server import KeyServer
from node_peers import NodeWebSocket
from token_keys import SigningPair, ec_pair, ed25519_pair, jwks, rsa_pair
from wire import RawClient

from server.auth import issue_token
from server.config import LogConfig
from server.logs import configure_logging
from server.testing import ConnectionRefused, ManualClock, Wanted, WsHarness
from server.testing.gateway_on_demand import GatewayOnDemand
from tests.conftest import ExpectedLogs


def _claims(sub: str = "ada") -> dict[str, object]:
    return {"sub": sub, "exp": time.time() + 60, "subscribe": ["*"], "publish": ["*"]}


def _auth(token: str) -> dict[str, object]:
    return envelope("system", "auth", {"token": token})


@pytest.mark.gen_test
async def test_a_token_is_taken_from_each_of_the_three_places() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        token = token_for("ada")
        for tab in (
            await running.tab(token=token),
            await running.tab(headers={"Authorization": f"Bearer {token}"}),
            await running.tab(query=f"?token={token}"),
        ):
            async with tab:
                assert (await tab.frame())["data"]["user"] == "ada"


@pytest.mark.gen_test
async def test_the_same_token_in_two_places_is_one_token() -> None:
    token = token_for("ada")
    async with running_gateway(WITH_TOKENS) as running:
        query = f"?token={token}"
        async with await running.tab(token=token, query=query) as tab:
            assert (await tab.frame())["data"]["user"] == "ada"


@pytest.mark.gen_test
async def test_two_different_tokens_are_refused_whichever_is_good() -> None:
    good, other = token_for("ada"), token_for("bob")
    async with running_gateway(WITH_TOKENS) as running:
        for tab in (
            await running.tab(token=good, query=f"?token={other}"),
            await running.tab(token=good, headers={"Authorization": f"Bearer {other}"}),
            await running.tab(headers={"Authorization": f"Bearer {good}"}, query=f"?token={other}"),
        ):
            async with tab:
                closed = await tab.closed()
                assert (closed.code, closed.reason) == (4401, "token: two different tokens in one request; send one")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("claims", "may", "may_not"),
    [
        ({"subscribe": ["thread:42"]}, ["thread:42", "user:ada"], ["thread:4", "thread:421", "user:bob"]),
        ({"subscribe": ["agent:*"]}, ["agent:7", "agent:7:log"], ["agent", "agents:7", "thread:42"]),
        ({"subscribe": ["*"]}, ["anything", "user:bob"], ["system"]),
        ({}, ["user:ada"], ["thread:42", "user:adam"]),
    ],
)
async def test_a_token_opens_what_it_lists_and_nothing_else(
    claims: Mapping[str, Any], may: Sequence[str], may_not: Sequence[str]
) -> None:
    async with running_gateway(WITH_TOKENS) as running, WsHarness(running, token_for("ada", **claims)) as ws:
        answer = (await ws.ask("subscribe", {"topics": [*may, *may_not]}))["data"]
    assert sorted(answer["topics"]) == sorted(may)
    assert sorted(answer["refused"]) == sorted(may_not)


@pytest.mark.gen_test
async def test_publishing_over_a_socket_needs_the_same_right_as_over_http() -> None:
    async with running_gateway(WITH_TOKENS) as running, WsHarness(running, token_for(publish=["thread:*"])) as ws:
        refused = await ws.ask("note", {}, topic="agent:7")
        said = refused["data"]
        assert (refused["type"], said["code"], said["topic"]) == ("error", "forbidden", "agent:7")
        assert (await ws.publish("thread:42", "note"))["topic"] == "thread:42"


@pytest.mark.slow
@pytest.mark.gen_test
async def test_at_its_end_a_token_takes_the_connection_with_it() -> None:
    # Within the leeway of five seconds it still lets in; the connection lasts until exp itself.
    async with running_gateway(WITH_TOKENS) as running, WsHarness(running, token_for(ttl_s=0.4)) as ws:
        expires_at = ws.hello["expires_at"]
        assert abs(expires_at - time.time()) < 0.5
        await ws.expect_close(4401, reason="token expired: connect with a new one")
        assert time.time() >= expires_at - 0.05


@pytest.mark.gen_test
async def test_a_renewed_connection_outlives_its_first_token(
    gateway: GatewayOnDemand, manual_clock: ManualClock
) -> None:
    async with WsHarness(gateway, token_for(ttl_s=60)) as ws:
        first = ws.hello
        renewed = await ws.ask("auth", {"token": token_for(ttl_s=120)})
        assert renewed["type"] == "hello"
        assert renewed["data"]["client"] == first["client"]
        assert renewed["data"]["expires_at"] > first["expires_at"]
        manual_clock.advance(61)
        assert (await ws.ask("unsubscribe", {"topics": []}))["type"] == "unsubscribed"
        manual_clock.advance(60)
        await ws.expect_close(4401)


@pytest.mark.gen_test
async def test_a_renewal_brings_new_rights_and_takes_old_ones_away() -> None:
    async with running_gateway(WITH_TOKENS) as running, WsHarness(running, token_for(subscribe=["a"])) as ws:
        assert sorted((await ws.ask("subscribe", {"topics": ["a", "b"]}))["data"]["topics"]) == ["a"]
        await ws.ask("auth", {"token": token_for(subscribe=["b"], publish=["*"])})
        left = await ws.expect("error")
        assert (left["data"]["code"], left["data"]["topic"]) == ("forbidden", "a")
        await ws.subscribe("b")
        for topic in ("a", "b"):
            await ws.publish(topic, "note")
        await ws.expect_sequence([Wanted("note", "b")])


@pytest.mark.gen_test
async def test_a_renewal_for_another_user_or_with_a_bad_token_changes_nothing() -> None:
    async with running_gateway(WITH_TOKENS) as running, WsHarness(running, token_for("ada", subscribe=["a"])) as ws:
        other = await ws.ask("auth", {"token": token_for("bob", subscribe=["*"])})
        assert (other["data"]["code"], other["data"]["message"]) == (
            "forbidden",
            "token: sub must stay the same on one connection",
        )
        foreign = issue_token(b"not the secret of this gateway at all", sub="ada", ttl_s=60)
        bad = await ws.ask("auth", {"token": foreign})
        assert (bad["data"]["code"], bad["data"]["message"]) == (
            "forbidden",
            "token: the signature does not match the key",
        )
        assert sorted((await ws.ask("subscribe", {"topics": ["a", "b"]}))["data"]["topics"]) == ["a"]


@pytest.mark.gen_test
async def test_keys_are_told_apart_by_kid_and_bound_to_their_own_algorithm(tmp_path: Path) -> None:
    pairs = [rsa_pair("r"), ec_pair("e"), ed25519_pair("d")]
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(*(pair.jwk() for pair in pairs)))
    async with running_gateway(_with_file(file)) as running:
        for pair in pairs:
            await _is_let_in(running, pair.sign(_claims()))
        await _is_refused(running, pairs[0].sign(_claims(), kid="e"), "meant for RS256")
        await _is_refused(running, pairs[0].sign(_claims(), kid="x"), "no key is known by kid 'x'")
        await _is_refused(running, issue_token(SECRET.encode(), sub="ada", ttl_s=60), "HS256")


def _with_file(file: Path) -> dict[str, object]:
    return {"auth.mode": "jwt", "auth.jwks_file": str(file), "auth.algorithms": ["RS256", "ES256", "EdDSA"]}


async def _is_let_in(running: RunningGateway, token: str) -> None:
    async with WsHarness(running, token) as ws:
        assert ws.hello["user"] == "ada"


async def _is_refused(running: RunningGateway, token: str, why: str) -> None:
    assert why in (await WsHarness(running, token).expect_refused(4401)).reason


@pytest.mark.slow
@pytest.mark.gen_test(timeout=15)
async def test_a_key_rotated_in_the_file_is_taken_without_a_restart_and_live_connections_stay(tmp_path: Path) -> None:
    old, new = ec_pair("old"), ec_pair("new")
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(old.jwk()))
    async with running_gateway(_with_file(file)) as running, WsHarness(running, old.sign(_claims())) as live:
        await _is_refused(running, new.sign(_claims()), "no key is known")
        _replace(file, jwks(old.jwk(), new.jwk()))
        await _let_in_soon(running, new)
        await _is_let_in(running, old.sign(_claims()))
        _replace(file, jwks(new.jwk()))
        await _refused_soon(running, old)
        await live.publish("t", "note")
        assert (await live.ask("auth", {"token": old.sign(_claims())}))["data"]["code"] == "forbidden"
        assert (await live.ask("auth", {"token": new.sign(_claims())}))["type"] == "hello"


def _replace(file: Path, content: bytes) -> None:
    """At once, as deployments do it: no reader sees half of it."""
    fresh = file.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(file)


async def _let_in_soon(running: RunningGateway, pair: SigningPair) -> None:
    """The file is looked at once a second at most."""
    async with asyncio.timeout(5):
        while not await _opens(running, pair):
            continue


async def _refused_soon(running: RunningGateway, pair: SigningPair) -> None:
    async with asyncio.timeout(5):
        while await _opens(running, pair):
            continue


async def _opens(running: RunningGateway, pair: SigningPair) -> bool:
    try:
        async with WsHarness(running, pair.sign(_claims())):
            return True
    except ConnectionRefused:
        return False


@pytest.mark.gen_test
async def test_keys_are_fetched_from_a_url_once_for_many_who_connect_at_the_same_time() -> None:
    pair = ec_pair("k1")
    keys = KeyServer(jwks(pair.jwk()))
    settings = {"auth.mode": "jwt", "auth.jwks_url": keys.url, "auth.algorithms": ["ES256"]}
    async with running_gateway(settings) as running:
        await asyncio.gather(*(_is_let_in(running, pair.sign(_claims())) for _ in range(10)))
        await _is_refused(running, ec_pair("k2").sign(_claims()), "no key is known by kid 'k2'")
    keys.stop()
    assert len(keys.requests) == 1


@pytest.mark.gen_test
async def test_while_no_keys_can_be_had_nobody_is_let_in_and_the_reason_says_so(expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("not refreshed")
    keys = KeyServer(b"")
    keys.status = 500
    settings = {"auth.mode": "jwt", "auth.jwks_url": keys.url, "auth.algorithms": ["ES256"]}
    async with running_gateway(settings) as running:
        await _is_refused(running, ec_pair("k1").sign(_claims()), "cannot be had now")
    keys.stop()


@pytest.fixture
def log_lines() -> Iterator[StringIO]:
    """Everything down to DEBUG as the gateway would write it, while a test runs."""
    lines = StringIO()
    root = logging.getLogger()
    level = root.level
    handler = configure_logging(LogConfig(level="debug"), lines)
    # The clients of the tests run in the same process and log what they send: not the gateway's affair.
    clients = logging.getLogger("websockets")
    clients.setLevel(logging.WARNING)
    yield lines
    clients.setLevel(logging.NOTSET)
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.gen_test
async def test_no_part_of_a_token_reaches_a_log(log_lines: StringIO, caplog: pytest.LogCaptureFixture) -> None:
    good, foreign = (
        token_for("ada", publish=["*"]),
        issue_token(b"another secret, as long as it must be", sub="m", ttl_s=9),
    )
    async with running_gateway(WITH_TOKENS) as running:
        for token in (good, foreign, foreign[:-3], "eyJ" + "x" * 9000):
            for tab in (
                await running.tab(token=token),
                await running.tab(headers={"Authorization": f"Bearer {token}"}),
                await running.tab(query=f"?token={token}"),
                await running.tab(query=f"?a=1&%74oken={token}&b=2"),
            ):
                await tab.connection.close()
            await running.publish(envelope("t"), token=token)
            for path in ("/api/publish", "/healthz", "/nowhere", "/api/ws"):
                await running.request("GET", f"{path}?token={token}")
        async with await running.tab(token=good) as tab:
            await tab.ask(_auth(foreign))
            await tab.ask(_auth(good))
            await tab.send({"v": 1, "topic": "system", "type": "auth", "data": {"token": good}})
            await tab.send(f"fanwire.token.{good}")
        await _half_a_request(running, good)
    log = log_lines.getvalue()
    assert "/healthz?token=********" in log
    assert "token refused" in log
    # What the gateway gave to its loggers, before any mask of the formatter.
    records = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    for part in (*good.split("."), *foreign.split(".")[1:]):
        assert part not in log
        assert part not in records


async def _half_a_request(running: RunningGateway, token: str) -> None:
    async with await RawClient.connect(running.port) as client:
        await client.send_bytes(f"GET /api/ws?token={token} HTTP/9\r\nbroken\r\n\r\n".encode())
        await client.gone()


@pytest.mark.slow
@pytest.mark.gen_test(timeout=15)
async def test_node_connects_with_a_token_as_its_second_subprotocol() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        offered = ["fanwire.v1", f"fanwire.token.{token_for('ada')}"]
        async with NodeWebSocket(running.ws_url, protocols=offered) as peer:
            assert peer.protocol == "fanwire.v1"
            assert (await peer.frame())["data"]["user"] == "ada"
        async with NodeWebSocket(running.ws_url, protocols=["fanwire.v1"]) as peer:
            assert (await peer.closed()).code == 4401
