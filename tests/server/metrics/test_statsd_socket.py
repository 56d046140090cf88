"""The UDP socket: what it loses, what it says about that, and that it never waits."""

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from loop_turns import until
from statsd_world import free_udp_port

from server.metrics.statsd_addresses import REFRESH_S, Address, Addresses, Resolve
from server.metrics.statsd_addresses import resolve as look_up
from server.metrics.statsd_socket import StatsdSocket
from server.testing.statsd_sink import StatsdSink


class Way:
    """A socket and the flushes over it, a second apart each."""

    def __init__(self, host: str, port: int, resolve: Resolve = look_up) -> None:
        self.addresses = Addresses(host, port, resolve=resolve, chance=lambda: 0.5)
        self.socket = StatsdSocket(self.addresses)
        self.now = 0.0

    def flush(self, packet: bytes = b"a:1|c") -> str | None:
        self.now += 1.0
        self.socket.open(self.now)
        self.socket.send(packet)
        return self.socket.take_failure()

    async def until_open(self) -> None:
        def opened() -> bool:
            self.socket.open(self.now)
            return self.socket.is_open

        await until(opened, "an address")


@pytest.fixture
def ways() -> Iterator[list[Way]]:
    """Every way in the list is closed after the test."""
    opened: list[Way] = []
    yield opened
    for way in opened:
        way.socket.close()


def listed(*addresses: Address) -> Resolve:
    def resolve(host: str, port: int) -> Sequence[Address]:
        return addresses

    return resolve


@pytest.mark.gen_test
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_packets_arrive_over_ipv4_and_ipv6(host: str, ways: list[Way]) -> None:
    with StatsdSink(host) as daemon:
        ways.append(way := Way(host, daemon.port))
        await way.until_open()
        assert way.flush() is None
        await until(lambda: daemon.lines == ["a:1|c"])


@pytest.mark.gen_test
async def test_a_closed_port_is_a_failure_of_the_flushes_after_the_first(ways: list[Way]) -> None:
    port = free_udp_port()
    ways.append(way := Way("127.0.0.1", port))
    await way.until_open()
    failures: list[str | None] = []
    await until(lambda: failures.append(way.flush()) or len(list(filter(None, failures))) == 5, "refusals")
    assert set(failures[1:]) <= {None, f"127.0.0.1 port {port}: no daemon listens there"}


@pytest.mark.gen_test
async def test_a_daemon_that_comes_back_gets_the_first_packet_after_that(ways: list[Way]) -> None:
    port = free_udp_port()
    ways.append(way := Way("127.0.0.1", port))
    await way.until_open()
    await until(way.flush, "a refusal")
    with StatsdSink(port=port) as daemon:
        way.flush(b"back:1|c")
        await until(lambda: daemon.lines == ["back:1|c"])
        assert way.flush() is None


@pytest.mark.gen_test
async def test_an_address_that_refuses_is_passed_over_for_the_next(ways: list[Way]) -> None:
    with StatsdSink("::1") as daemon:
        dead, alive = free_udp_port(), daemon.port
        resolve = listed(Address(socket.AF_INET, ("127.0.0.1", dead)), Address(socket.AF_INET6, ("::1", alive, 0, 0)))
        ways.append(way := Way("both", 8125, resolve))
        await way.until_open()
        await until(lambda: way.flush() is None and daemon.lines, "a packet at the second address")
        assert way.addresses.current == Address(socket.AF_INET6, ("::1", alive, 0, 0))


@pytest.mark.gen_test
async def test_each_look_up_brings_a_new_socket_for_the_route_of_now(ways: list[Way]) -> None:
    with StatsdSink() as daemon:
        ways.append(way := Way("127.0.0.1", daemon.port))
        await way.until_open()
        await until(lambda: way.flush() is None and len(daemon.lines) >= 10, "ten packets")
        assert len(set(daemon.senders)) == 1
        way.now += REFRESH_S
        await until(lambda: way.flush() is None and daemon.lines and len(set(daemon.senders)) == 2, "a new socket")


@pytest.mark.gen_test
async def test_an_address_without_a_route_is_passed_over_at_once(ways: list[Way]) -> None:
    with StatsdSink() as daemon:
        # The kernel has no broadcast for sockets that did not ask for it: connect() itself fails.
        nowhere = Address(socket.AF_INET, ("255.255.255.255", 8125))
        ways.append(way := Way("both", 8125, listed(nowhere, Address(socket.AF_INET, ("127.0.0.1", daemon.port)))))
        await way.until_open()
        way.flush()
        await until(lambda: daemon.lines == ["a:1|c"])


@pytest.mark.gen_test
async def test_no_address_with_a_route_is_a_failure_that_says_so(ways: list[Way]) -> None:
    ways.append(way := Way("nowhere", 8125, listed(Address(socket.AF_INET, ("255.255.255.255", 8125)))))
    failures: list[str] = []
    await until(lambda: failures.append(way.flush() or "") or failures[-1], "the failure")
    assert failures[-1] == "255.255.255.255 port 8125: Permission denied"
    assert not way.socket.is_open


@pytest.mark.gen_test
async def test_a_full_buffer_loses_the_packet_and_never_waits(tmp_path: Path, ways: list[Way]) -> None:
    # A datagram socket of the UNIX family: the one kind whose full buffer a test can bring about and empty again.
    path = str(tmp_path / "daemon")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(path)
        ways.append(way := Way("full", 8125, listed(Address(socket.AF_UNIX, path))))
        await way.until_open()
        full = f"{path}: the socket's buffer is full"
        await until(lambda: way.flush() == full, "a full buffer")
        assert [way.flush() for _ in range(3)] == [full] * 3
        while way.flush(b"after") is not None:
            daemon.recv(65_536)


@pytest.mark.gen_test
async def test_a_packet_that_is_too_large_for_udp_is_lost_and_the_next_is_not(ways: list[Way]) -> None:
    with StatsdSink() as daemon:
        ways.append(way := Way("127.0.0.1", daemon.port))
        await way.until_open()
        assert way.flush(b"x" * 70_000) == f"127.0.0.1 port {daemon.port}: Message too long"
        assert way.flush() is None
        await until(lambda: daemon.lines == ["a:1|c"])


def test_sending_while_closed_is_sending_nothing() -> None:
    way = Way("127.0.0.1", 8125)
    way.socket.send(b"a:1|c")
    assert way.socket.take_failure() is None
