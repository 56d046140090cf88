"""The ways to Redis: a user with few rights, TLS, a socket in the file system; and how fast it is on this machine."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from bus_contract import Inbox, begin, message, publish
from gateways import running_gateway
from loop_turns import until
from redis_servers import redis_server

from actors.ports import BusUnavailable
from server.bus.redis_streams.bus import RedisBus
from server.config import BusConfig, HistoryConfig
from server.testing.server_process import free_port

pytestmark = pytest.mark.slow  # a server is started for each

DOCS = Path(__file__).parents[4] / "docs" / "bus.md"
PASSWORD = "hunter2"


def bus_at(url: str, prefix: str = "fanwire") -> RedisBus:
    return RedisBus(url, prefix, lambda topic: HistoryConfig())


async def passes_messages(url: str) -> Inbox:
    bus = bus_at(url)
    try:
        inbox = await begin(bus, "a")
        sent = [await publish(bus, message()) for _ in range(3)]
        assert (await publish(bus, message())).prev == sent[-1].seq
        await until(lambda: len(inbox.delivered) == 4, "live messages")
        assert await inbox.sources["a"].catch_up() == inbox.delivered[-1].seq
        await bus._compare(bus._following.everything())
        await bus._renew(bus._following.everything())
        return inbox
    finally:
        await bus.close()


def documented_acl() -> list[str]:
    """The words behind ACL SETUSER of the sample in docs/bus.md."""
    found = re.search(r"^ACL SETUSER (fanwire .*)$", DOCS.read_text(), re.MULTILINE)
    assert found is not None
    return found.group(1).split()


@pytest.mark.gen_test
async def test_the_documented_user_may_do_what_is_needed() -> None:
    async with redis_server() as server:
        await server.do("ACL", "SETUSER", *documented_acl())
        await passes_messages(f"redis://fanwire:a-long-password@127.0.0.1:{server.port}/0")


@pytest.mark.parametrize("missing", ["&fanwire:*", "~fanwire:*", "+evalsha", "+xrange", "+expire"])
@pytest.mark.gen_test
async def test_the_documented_user_may_do_nothing_that_is_not_needed(missing: str, expected_logs: Any) -> None:
    expected_logs.allow("the bus is gone")
    words = documented_acl()
    assert missing in words
    async with redis_server() as server:
        await server.do("ACL", "SETUSER", *(word for word in words if word != missing))
        with pytest.raises((BusUnavailable, AssertionError)):
            await passes_messages(f"redis://fanwire:a-long-password@127.0.0.1:{server.port}/0")


@pytest.mark.gen_test
async def test_a_wrong_password_is_said_and_never_repeated(expected_logs: Any, caplog: Any) -> None:
    expected_logs.allow("the bus is gone")
    expected_logs.allow("/readyz 503")
    expected_logs.allow("/api/publish 503")
    async with redis_server("--requirepass", "another") as server:
        url = f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0"
        async with running_gateway({"bus.url": url}) as running:
            await until(lambda: "the bus is gone" in caplog.text, "a log line")
            ready = await running.request("GET", "/readyz")
            refused = await running.publish({"topic": "a", "type": "x"})
            assert ready.status == refused.status == 503
            assert PASSWORD not in caplog.text + str(ready.body) + str(refused.body)


def test_what_is_logged_of_the_url_has_neither_user_nor_password() -> None:
    for scheme in ("redis", "rediss"):
        url = f"{scheme}://ada:hun%40ter2@h:1/0?ssl_ca_certs=x&password={PASSWORD}"
        assert BusConfig(url).place == f"{scheme}://h:1/0"
        assert BusConfig(url).kind == "redis"
    assert BusConfig(f"unix://ada:{PASSWORD}@/run/redis.sock?db=1").place == "unix:///run/redis.sock"
    assert PASSWORD not in repr(BusConfig(f"redis://:{PASSWORD}@h"))


@pytest.mark.gen_test
async def test_redis_by_a_socket_in_the_file_system(tmp_path: Path) -> None:
    socket = tmp_path / "r.sock"
    async with redis_server("--unixsocket", str(socket)):
        await passes_messages(f"unix://{socket}?db=0")


@pytest.mark.gen_test
async def test_redis_by_tls_whose_certificate_is_checked(tmp_path: Path, expected_logs: Any) -> None:
    expected_logs.allow("the bus is gone")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    openssl = shutil.which("openssl")
    assert openssl is not None
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([openssl, *new, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls_port = free_port()
    options = ["--tls-port", str(tls_port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    async with redis_server(*options, "--tls-auth-clients", "no"):
        url = f"rediss://127.0.0.1:{tls_port}/0"
        await passes_messages(f"{url}?ssl_ca_certs={certificate}")
        with pytest.raises(AssertionError):
            await passes_messages(url)


@pytest.mark.gen_test
async def test_redis_adds_less_than_a_millisecond_at_the_median() -> None:
    async with redis_server() as server:
        bus = bus_at(server.url)
        loop = asyncio.get_running_loop()
        try:
            inbox = await begin(bus, "a")
            took = []
            for number in range(500):
                began = loop.time()
                await publish(bus, message())
                took.append(loop.time() - began)
                await until(lambda number=number: len(inbox.delivered) > number)  # type: ignore[misc]
        finally:
            await bus.close()
        print(f"publish: median {median(took) * 1000:.3f} ms, p99 {sorted(took)[494] * 1000:.3f} ms")
        assert median(took) < 0.001
