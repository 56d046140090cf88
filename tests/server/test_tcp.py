"""The kernel's view of client connections: set on the listener, read back from the sockets that it accepted."""

import asyncio
import socket

import pytest
from gateways import running_gateway
from wire import RawClient

from server.tcp import SEND_BUFFER_BYTES, tune_listener


def _accepted(write_stall_s: float) -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tune_listener(listener, write_stall_s)
        with socket.create_connection(listener.getsockname()):
            return listener.accept()[0]


@pytest.mark.parametrize(
    ("level", "option", "expected"),
    [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        # Linux doubles what it is asked for, and gives the doubled number back: socket(7).
        (socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * SEND_BUFFER_BYTES),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 5_000),
    ],
)
def test_an_accepted_socket_inherits_what_its_listener_was_told(level: int, option: int, expected: int) -> None:
    with _accepted(write_stall_s=2.5) as accepted:
        assert accepted.getsockopt(level, option) == expected


@pytest.mark.gen_test
async def test_the_sockets_of_a_running_gateway_are_tuned() -> None:
    async with running_gateway({"mailbox.write_stall_s": 3.0}) as running, await RawClient.upgraded(running.port):
        (opened,) = running.gateway._connections
        connection = opened._stream.socket  # type: ignore[attr-defined]
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * SEND_BUFFER_BYTES
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 6_000


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_connection_that_acknowledges_nothing_for_twice_the_deadline_is_ended_by_the_kernel() -> None:
    """Its peer's window is shut, and yet too little waits for the gateway itself to notice."""
    async with (
        running_gateway({"mailbox.write_stall_s": 0.25}) as running,
        await RawClient.upgraded(running.port, receive_buffer=4096),
    ):
        (client,) = running.gateway.clients
        session = client.session
        await running.gateway.publish("user:anonymous", "note", "x" * 40_000)
        async with asyncio.timeout(10):
            while not session.closed:
                assert not session.socket.blocked
                await asyncio.sleep(0)
