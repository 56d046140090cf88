"""How WsHarness fails: at once or at its deadline, and with everything that happened in the message."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable

import pytest

from server.testing import ConnectionRefused, ExpectationFailed, Wanted, WsHarness
from server.testing.gateway_on_demand import GatewayOnDemand

Token = Callable[..., str]
T = "thread:42"


def client(gateway: GatewayOnDemand, token: Token, **more: object) -> WsHarness:
    return WsHarness(gateway, token("ada", subscribe=["thread:*"]), topics=[T], **more)  # type: ignore[arg-type]


async def failure(waiting: Awaitable[object], *, within_s: float = 1.0) -> ExpectationFailed:
    """How it failed. That it does in time is part of every one of these tests."""
    async with asyncio.timeout(within_s):
        with pytest.raises(ExpectationFailed) as caught:
            await waiting
    return caught.value


@pytest.mark.gen_test
async def test_a_missing_frame_shows_what_was_expected_and_all_that_came(
    gateway: GatewayOnDemand, token: Token
) -> None:
    async with client(gateway, token) as ws:
        placed = await gateway.publish(T, "other", {"n": 1})
        failed = await failure(ws.expect("note", topic=T, where={"n": 2}, timeout=0.05))
    assert failed.expected == "note on thread:42 where data has {'n': 2} within 0.05 s"
    assert failed.instead == "it did not come; unread are thread:42 other"
    assert re.search(r"\d\.\d{3}  ->  system subscribe id=", failed.transcript)
    assert re.search(rf"<-  {T} other seq={placed.seq} prev=0 id=\S+ {{\"n\": 1}}", failed.transcript)
    assert f"positions: {T} at {placed.seq}" in failed.transcript
    assert str(failed).startswith("expected note on thread:42")


@pytest.mark.gen_test
async def test_a_wrong_order_fails_at_once_and_names_both(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token) as ws:
        for type in ("first", "third", "second"):
            await gateway.publish(T, type)
        await ws.expect_position((await gateway.publish(T, "last")).seq, topic=T)
        failed = await failure(ws.expect_sequence(["first", "second", "third"], timeout=60))
    assert failed.expected == "second as number 2 of 3 in a sequence"
    assert failed.instead == "out of order there is thread:42 third with {}; second came behind it"


@pytest.mark.gen_test
async def test_a_sequence_that_stops_short_names_the_one_that_is_missing(
    gateway: GatewayOnDemand, token: Token
) -> None:
    async with client(gateway, token) as ws:
        await gateway.publish(T, "a")
        failed = await failure(ws.expect_sequence(["a", Wanted("b", T)], timeout=0.05))
    assert failed.expected.startswith("b on thread:42 as number 2 of 2 in a sequence")
    assert failed.instead == "it did not come, and nothing else is unread"


@pytest.mark.gen_test
async def test_an_unexpected_close_fails_at_once_with_code_and_reason(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token) as ws:
        waiting = asyncio.ensure_future(failure(ws.expect("note", timeout=60), within_s=4))
        await asyncio.sleep(0)
        await gateway.stop()
        failed = await waiting
    assert failed.instead.startswith("the connection was closed: 1012")
    assert "--  closed 1012" in failed.transcript


@pytest.mark.gen_test
async def test_something_where_nothing_was_expected_is_shown(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token) as ws:
        await gateway.publish(T, "note", {"n": 1})
        failed = await failure(ws.expect_nothing(for_s=60))
        assert failed.instead == "there is thread:42 note with {'n': 1}"
        await ws.expect_nothing(for_s=0.02, type="other")


@pytest.mark.gen_test
async def test_a_gap_is_shown_with_the_positions_at_its_ends(gateway: GatewayOnDemand, token: Token) -> None:
    async with gateway({"history.messages": 2}) as small, client(small, token) as ws:  # type: ignore[arg-type]
        first = await small.publish(T, "note")
        await ws.expect("note")
        ws.drop()
        for _ in range(5):
            await small.publish(T, "note")
        await ws.resume()
        with pytest.raises(ExpectationFailed) as caught:
            ws.assert_no_gap()
    assert caught.value.expected == "no gap in any topic"
    assert f"{T}: not recovered from {first.seq}" in caught.value.instead
    assert f"!!  gap: {T}: not recovered" in caught.value.transcript


@pytest.mark.gen_test
async def test_a_close_with_another_code_shows_both(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token) as ws:
        await gateway.stop()
        failed = await failure(ws.expect_close(4509))
    assert failed.expected == "the connection to be closed with 4509"
    assert failed.instead.startswith("it was closed 1012")


@pytest.mark.gen_test
async def test_a_close_that_does_not_come_is_no_hang(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token) as ws:
        failed = await failure(ws.expect_close(4509, timeout=0.05))
    assert failed.expected == "the connection to be closed with 4509 within 0.05 s"


@pytest.mark.gen_test
async def test_waiting_while_stalled_or_dropped_fails_at_once_and_says_what_to_call(
    gateway: GatewayOnDemand, token: Token
) -> None:
    async with client(gateway, token) as ws:
        ws.stall()
        assert "unstall() comes first" in (await failure(ws.expect("note", timeout=60))).instead
        ws.unstall()
        ws.drop()
        assert "resume() comes first" in (await failure(ws.expect("note", timeout=60))).instead


@pytest.mark.gen_test
async def test_resuming_a_connection_that_lives_says_to_drop_it(gateway: GatewayOnDemand, token: Token) -> None:
    async with client(gateway, token) as ws:
        assert "drop() comes first" in (await failure(ws.resume())).instead


@pytest.mark.gen_test
async def test_nobody_who_listens_is_named_with_the_address() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    failed = await failure(WsHarness(url).connect())
    assert failed.expected == f"a gateway at {url}"
    assert "ConnectionRefusedError" in failed.instead


@pytest.mark.gen_test
async def test_a_server_that_accepts_and_says_nothing_is_no_hang() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    ws = WsHarness(url, timeout=0.05)
    with pytest.raises(ExpectationFailed) as caught:
        async with ws:
            pass
    server.close()
    assert caught.value.expected == "hello, the gateway's first frame, within 0.05 s"


@pytest.mark.gen_test
async def test_what_is_no_gateway_is_told_from_one_that_refuses() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    failed = await failure(WsHarness(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}").connect())
    server.close()
    assert "not an HTTP answer: 'SSH-2.0-OpenSSH'" in failed.instead


@pytest.mark.gen_test
async def test_a_refused_connection_and_a_refused_topic_give_the_gateways_reason(
    gateway: GatewayOnDemand, token: Token
) -> None:
    with pytest.raises(ConnectionRefused, match="4401 token"):
        await WsHarness(gateway, "no token").connect()
    async with client(gateway, token) as ws:
        failed = await failure(ws.subscribe("secret"))
        assert "forbidden" in failed.instead
        assert "error" in (await failure(ws.publish(T, "note"))).instead
        assert failed.expected == "to be subscribed to secret"


@pytest.mark.gen_test
async def test_being_let_in_where_a_refusal_was_expected_fails(gateway: GatewayOnDemand, token: Token) -> None:
    failed = await failure(client(gateway, token).expect_refused(4401))
    assert failed.instead == "the gateway let this client in"


@pytest.mark.gen_test
async def test_any_other_failure_of_the_body_gets_the_transcript_as_a_note(
    gateway: GatewayOnDemand, token: Token
) -> None:
    with pytest.raises(KeyError) as caught:
        async with client(gateway, token) as ws:
            await gateway.publish(T, "note")
            (await ws.expect("note"))["data"]["content"]
    (note,) = caught.value.__notes__
    assert "<-  thread:42 note" in note


@pytest.mark.gen_test
async def test_a_token_never_gets_into_a_transcript(gateway: GatewayOnDemand, token: Token) -> None:
    renewal = token("ada")
    async with WsHarness(gateway, token("ada")) as ws:
        await ws.ask("auth", {"token": renewal})
        assert renewal not in ws.transcript and "********" in ws.transcript
