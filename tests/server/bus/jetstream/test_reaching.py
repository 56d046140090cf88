"""The ways to NATS: the shipped configuration, a user, a token, TLS. No password reaches a text."""

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bus_contract import Inbox, begin, message, publish
from loop_turns import until
from nats_servers import NatsServer, nats_server

from actors.ports import BusUnavailable
from server.bus.jetstream.bus import JetStreamBus
from server.bus.life import Timing
from server.config import HistoryConfig

pytestmark = pytest.mark.slow  # a server is started for each

SHIPPED = Path(__file__).parents[4] / "deploy" / "nats" / "nats.conf"
PASSWORD = "hunter2-of-the-bus"
QUICK = Timing(answer_s=0.5, ping_s=0.05, silence_s=0.5, back_off_s=0.05, audit_s=0.1)


def bus_at(url: str) -> JetStreamBus:
    bounds = HistoryConfig()
    return JetStreamBus(url, "fanwire", lambda topic: bounds, bounds, QUICK)


def at(server: NatsServer, login: str, scheme: str = "nats") -> str:
    return f"{scheme}://{login}@127.0.0.1:{server.port}"


async def passes_messages(url: str) -> Inbox:
    bus = bus_at(url)
    try:
        inbox = await begin(bus, "a")
        once = message()
        first = await publish(bus, once)
        assert (await publish(bus, once)).duplicate
        assert (await publish(bus, message())).prev == first.seq
        await until(lambda: len(inbox.delivered) == 2, "live messages")
        assert await inbox.sources["a"].catch_up() == inbox.delivered[-1].seq
        await bus._compare(bus._following.everything())
        inbox.sources["a"].close()
        await inbox.follow(bus, "a")
        assert len(inbox.pasts["a"].messages) == 2
        return inbox
    finally:
        await bus.close()


async def why_refused(url: str) -> str:
    """What a publisher is told at a bus that does not come up."""
    bus = bus_at(url)
    try:
        bus.start(Inbox())
        await until(lambda: "not connected yet" not in bus._life.why_gone, "the reason")
        with pytest.raises(BusUnavailable) as why:
            await publish(bus, message())
        return str(why.value)
    finally:
        await bus.close()


def shipped(folder: Path) -> str:
    """The shipped configuration, on a directory and a port of this test's."""
    text = SHIPPED.read_text()
    text, count = re.subn(r"store_dir: \S+", f"store_dir: {folder}", text)
    assert count == 1
    return text.replace("$FANWIRE_NATS_PASSWORD", PASSWORD)


@pytest.mark.gen_test
async def test_the_shipped_configuration_is_one_that_fanwire_runs_on(tmp_path: Path) -> None:
    async with nats_server(settings=shipped(tmp_path), jetstream=False) as server:
        await passes_messages(at(server, f"fanwire:{PASSWORD}"))
        assert (tmp_path / "jetstream" / "$G" / "streams" / "fanwire-messages").is_dir()


@pytest.mark.parametrize(
    "missing",
    [
        '"fanwire.msg.*"',
        '"fanwire.live.*", ',
        '"$JS.API.STREAM.CREATE.fanwire-messages", ',
        '"$JS.API.STREAM.MSG.GET.fanwire-messages", ',
        '"$JS.API.CONSUMER.CREATE.fanwire-messages.>", ',
        '"$JS.API.CONSUMER.MSG.NEXT.fanwire-messages.*", ',
    ],
)
@pytest.mark.gen_test(timeout=10)
async def test_the_shipped_user_may_do_nothing_that_is_not_needed(
    missing: str, tmp_path: Path, expected_logs: Any
) -> None:
    expected_logs.allow("the bus is gone")
    settings = shipped(tmp_path)
    assert settings.count(missing) == 1
    async with nats_server(settings=settings.replace(missing, ""), jetstream=False) as server:
        with pytest.raises((BusUnavailable, AssertionError)):
            await passes_messages(at(server, f"fanwire:{PASSWORD}"))


@pytest.mark.gen_test
async def test_a_token_is_enough_where_the_server_wants_one() -> None:
    async with nats_server(settings=f"authorization {{ token: {PASSWORD!r} }}") as server:
        await passes_messages(at(server, PASSWORD))


@pytest.mark.gen_test
async def test_a_password_with_marks_of_its_own_is_percent_encoded() -> None:
    async with nats_server(settings='authorization { user: "f@n", password: "p:a/s@s" }') as server:
        await passes_messages(at(server, "f%40n:p%3Aa%2Fs%40s"))


@pytest.mark.gen_test
async def test_a_wrong_password_is_said_and_is_in_no_text(expected_logs: Any, caplog: pytest.LogCaptureFixture) -> None:
    expected_logs.allow("the bus is gone")
    async with nats_server(settings='authorization { user: "fanwire", password: "right" }') as server:
        text = await why_refused(at(server, f"fanwire:{PASSWORD}"))
        assert "Authorization Violation" in text
        assert PASSWORD not in text + caplog.text


@pytest.mark.gen_test
async def test_a_server_without_tls_is_told_no_password(expected_logs: Any) -> None:
    expected_logs.allow("the bus is gone")
    told = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","auth_required":true,"max_payload":1000000}\r\n')
        told.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    text = await why_refused(f"tls://fanwire:{PASSWORD}@127.0.0.1:{port}")
    assert "does not offer TLS" in text
    assert PASSWORD.encode() not in told
    server.close()


@pytest.mark.gen_test
async def test_tls_is_spoken_and_the_certificate_is_checked(
    tmp_path: Path, expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_logs.allow("the bus is gone")
    expected_logs.allow("eof_received() has no effect when using ssl")  # asyncio, at the end of nats-py's connections
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    settings = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}'
    async with nats_server(settings=settings) as server:
        assert "certificate verify failed" in await why_refused(at(server, f"u:{PASSWORD}", "tls"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        await passes_messages(at(server, f"u:{PASSWORD}", "tls"))


@pytest.mark.gen_test
async def test_of_several_servers_one_that_is_there_is_enough() -> None:
    async with nats_server() as server:
        await passes_messages(f"nats://127.0.0.1:1,127.0.0.1:{server.port}")


@pytest.mark.parametrize("url", ["nats://", f"nats://u:{PASSWORD}@", f"nats://h:{PASSWORD}", f"nats://h/{PASSWORD}"])
def test_a_url_that_cannot_be_read_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="is not a NATS URL") as why:
        bus_at(url)
    assert PASSWORD not in str(why.value)
