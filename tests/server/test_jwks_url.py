"""Keys from a URL on a real loopback server: what is fetched, how often, and what is refused."""

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from key_server import KeyServer
from token_keys import ManualClock, ec_pair, jwks, kids
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port

from server.auth import JwtAuthenticator, TokenRefused
from server.jwks import MAX_JWKS_BYTES, JwksUrl
from server.signing_keys import BadKey, KeysUnavailable

ONE = jwks(ec_pair("one").jwk())
TWO = jwks(ec_pair("one").jwk(), ec_pair("two").jwk())


@pytest.fixture
def server(io_loop: IOLoop) -> Iterator[KeyServer]:
    async def start() -> KeyServer:
        return KeyServer(ONE)

    server = io_loop.run_sync(start)
    yield server
    server.stop()


@pytest.mark.gen_test
async def test_keys_are_fetched_once_and_then_answered_from_memory(server: KeyServer) -> None:
    clock = ManualClock()
    source = JwksUrl(server.url, now=clock)
    for _ in range(3):
        assert kids(await source.keys_for("one")) == ["one"]
    clock.seconds += 299
    assert kids(await source.keys_for(None)) == ["one"]
    assert server.requests == ["/jwks"]


@pytest.mark.gen_test
async def test_a_key_that_was_withdrawn_is_gone_after_the_ttl(server: KeyServer) -> None:
    clock = ManualClock()
    source = JwksUrl(server.url, now=clock)
    await source.keys_for("one")
    server.body = jwks(ec_pair("two").jwk())
    clock.seconds += 300
    assert await source.keys_for("one") == ()


@pytest.mark.gen_test
async def test_a_new_kid_is_fetched_after_ten_seconds(server: KeyServer) -> None:
    clock = ManualClock()
    source = JwksUrl(server.url, now=clock)
    await source.keys_for("one")
    server.body = TWO
    clock.seconds += 9.9
    assert await source.keys_for("two") == ()
    clock.seconds += 0.1
    assert kids(await source.keys_for("two")) == ["two"]
    assert len(server.requests) == 2


@pytest.mark.gen_test
async def test_a_flood_of_random_kids_makes_one_request_in_ten_seconds(server: KeyServer) -> None:
    clock = ManualClock()
    source = JwksUrl(server.url, now=clock)
    await source.keys_for("one")
    clock.seconds += 10
    for number in range(200):
        assert await source.keys_for(f"random{number}") == ()
    assert len(server.requests) == 2


@pytest.mark.gen_test
async def test_callers_at_the_same_time_share_one_request(server: KeyServer) -> None:
    source = JwksUrl(server.url, now=ManualClock())
    answers = await asyncio.gather(*(source.keys_for("one") for _ in range(50)))
    assert [kids(keys) for keys in answers] == [["one"]] * 50
    assert len(server.requests) == 1


@pytest.mark.gen_test
async def test_a_slow_request_is_shared_also_by_those_who_come_much_later(server: KeyServer) -> None:
    server.proceed.clear()
    clock = ManualClock()
    source = JwksUrl(server.url, now=clock)
    early = asyncio.ensure_future(source.keys_for("one"))
    await asyncio.wait([early], timeout=0)
    clock.seconds += 60
    late = asyncio.ensure_future(source.keys_for("one"))
    await asyncio.wait([late], timeout=0)
    server.proceed.set()
    assert kids(await early) == kids(await late) == ["one"]
    assert len(server.requests) == 1


@pytest.mark.gen_test
async def test_a_caller_that_goes_away_does_not_take_the_answer_from_the_others(server: KeyServer) -> None:
    server.proceed.clear()
    source = JwksUrl(server.url, now=ManualClock())
    leaving, staying = (asyncio.ensure_future(source.keys_for("one")) for _ in range(2))
    await asyncio.wait([leaving, staying], timeout=0)
    leaving.cancel()
    server.proceed.set()
    assert kids(await staying) == ["one"]
    assert leaving.cancelled()


@pytest.mark.gen_test
@pytest.mark.parametrize("spoiled", ["status", "redirect", "garbage", "too big", "compressed", "no keys"])
async def test_an_answer_that_is_no_key_set_is_refused_and_said(
    server: KeyServer, spoiled: str, expected_logs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    expected_logs.allow("not refreshed")
    match spoiled:
        case "status":
            server.status = 500
        case "redirect":
            server.status, server.headers = 302, {"Location": "/elsewhere"}
        case "garbage":
            server.body = b"<html>"
        case "too big":
            server.body = ONE + b" " * MAX_JWKS_BYTES
        case "compressed":
            server.headers = {"Content-Encoding": "gzip"}
            server.body = gzip.compress(ONE)
        case "no keys":
            server.body = b'{"keys":[]}'
    with pytest.raises(KeysUnavailable):
        await JwksUrl(server.url, now=ManualClock()).keys_for("one")
    assert server.requests == ["/jwks"]
    assert [record.levelname for record in caplog.records if record.name == "server.jwks"] == ["WARNING"]


@pytest.mark.gen_test
async def test_while_there_are_no_keys_a_try_a_second_is_made(server: KeyServer, expected_logs: Any) -> None:
    expected_logs.allow("not refreshed")
    clock = ManualClock()
    source = JwksUrl(server.url, now=clock)
    server.status = 503
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            await source.keys_for("one")
    assert len(server.requests) == 1
    server.status = 200
    clock.seconds += 1
    assert kids(await source.keys_for("one")) == ["one"]


@pytest.mark.gen_test
async def test_stale_keys_serve_for_an_hour_and_no_longer(server: KeyServer, expected_logs: Any) -> None:
    expected_logs.allow("not refreshed")
    clock = ManualClock()
    source = JwksUrl(server.url, now=clock)
    await source.keys_for("one")
    server.status = 500
    clock.seconds += 3599
    assert kids(await source.keys_for("one")) == ["one"]
    clock.seconds += 11
    with pytest.raises(KeysUnavailable):
        await source.keys_for("one")
    server.status = 200
    clock.seconds += 10
    assert kids(await source.keys_for("one")) == ["one"]


@pytest.mark.gen_test
async def test_once_the_url_fails_known_keys_do_not_wait_for_it(server: KeyServer, expected_logs: Any) -> None:
    expected_logs.allow("not refreshed")
    clock = ManualClock()
    source = JwksUrl(server.url, now=clock)
    await source.keys_for("one")
    server.status = 500
    clock.seconds += 300
    assert kids(await source.keys_for("one")) == ["one"]
    server.status, server.body = 200, TWO
    server.proceed.clear()
    clock.seconds += 10
    assert kids(await source.keys_for("one")) == ["one"]
    server.proceed.set()
    assert kids(await source.keys_for("two")) == ["two"]
    server.body = jwks(ec_pair("three").jwk())
    clock.seconds += 300
    assert await source.keys_for("one") == (), "a URL that works again is waited for again"


@pytest.mark.gen_test
async def test_a_server_that_says_nothing_is_given_up(server: KeyServer, expected_logs: Any) -> None:
    expected_logs.allow("not refreshed")
    server.proceed.clear()
    with pytest.raises(KeysUnavailable):
        await JwksUrl(server.url, now=ManualClock(), timeout_s=0.05).keys_for("one")


@pytest.mark.gen_test
async def test_a_token_is_refused_while_its_keys_cannot_be_had(expected_logs: Any) -> None:
    expected_logs.allow("not refreshed")
    socket, port = bind_unused_port()
    socket.close()
    pair = ec_pair("one")
    authenticator = JwtAuthenticator(JwksUrl(f"http://127.0.0.1:{port}/"), ["ES256"])
    with pytest.raises(TokenRefused) as refused:
        await authenticator.identify(pair.sign({"sub": "ada"}))
    assert refused.value.reason == "keys_unavailable"


@pytest.mark.gen_test
async def test_a_token_of_a_rotated_key_is_accepted_after_a_refresh(server: KeyServer) -> None:
    clock, old, new = ManualClock(), ec_pair("old"), ec_pair("new")
    server.body = jwks(old.jwk())
    authenticator = JwtAuthenticator(JwksUrl(server.url, now=clock), ["ES256"], now=clock)
    claims: dict[str, object] = {"sub": "ada", "exp": clock() + 600}
    assert (await authenticator.identify(old.sign(claims))).user == "ada"
    server.body = jwks(new.jwk())
    clock.seconds += 10
    assert (await authenticator.identify(new.sign(claims))).user == "ada"
    with pytest.raises(TokenRefused) as refused:
        await authenticator.identify(old.sign(claims))
    assert refused.value.reason == "unknown_key"


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/jwks",
        "http://127.0.0.1.example/jwks",
        "http://10.0.0.1/jwks",
        "ftp://localhost/jwks",
        "file:///etc/jwks",
        "https:///jwks",
        "https://user:word@idp.example/jwks",
        "jwks.json",
        "",
        "https://[::1/jwks",
    ],
)
def test_a_url_that_cannot_be_trusted_is_refused(url: str) -> None:
    with pytest.raises(BadKey, match=r"auth\.jwks_url: "):
        JwksUrl(url)


@pytest.mark.parametrize(
    "url", ["https://idp.example/jwks", "http://localhost:1/jwks", "http://127.8.8.8/", "http://[::1]:1/"]
)
def test_https_and_loopback_urls_are_taken(url: str) -> None:
    JwksUrl(url)
