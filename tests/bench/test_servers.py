"""Every server of the comparison delivers what it is asked to, each installed from where its users get it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import socket

import pytest

from bench.client_sockets import connect_publisher, connect_subscribers
from bench.dialogue import COUNTER_DIGITS, DELIVERY_MARK, ID_PREFIX, counter_offset, publish_text
from bench.frames import client_frame, next_frame
from bench.processes import run_server
from bench.servers import SERVERS, resolve

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
DELIVERED_BYTES = 180
SUBSCRIBERS = 2
MESSAGES = 5


def _numbered(text: str) -> Iterator[str]:
    at = counter_offset(text)
    for number in range(MESSAGES):
        yield f"{text[:at]}{number:0{COUNTER_DIGITS}x}{text[at + COUNTER_DIGITS :]}"


def _read_deliveries(connection: socket) -> list[str]:
    """The first MESSAGES deliveries; whatever else the server says is passed over."""
    connection.settimeout(10)
    received, at, found = b"", 0, list[str]()
    while len(found) < MESSAGES:
        frame = next_frame(received, at, len(received))
        if frame is None:
            more = connection.recv(65_536)
            assert more, f"the connection ended after {len(found)} of {MESSAGES} messages"
            received += more
            continue
        payload, at = received[frame.start : frame.end].decode(), frame.end
        found += [payload] if DELIVERY_MARK in payload else []
    return found


@pytest.mark.parametrize("name", SERVERS)
def test_every_subscriber_of_every_server_gets_every_message_in_order(name: str) -> None:
    server = resolve(name)
    publish = publish_text(DELIVERED_BYTES, server.adds_bytes)
    with run_server(server, 0) as running, ExitStack() as opened:
        publisher = opened.enter_context(connect_publisher(running.port, server.dialect))
        subscribers = connect_subscribers(running.port, SUBSCRIBERS, server.dialect)
        for subscriber in subscribers:
            opened.enter_context(subscriber)
        for text in _numbered(publish):
            publisher.sendall(client_frame(server.dialect.wrap(text).encode()))
        received = [_read_deliveries(subscriber) for subscriber in subscribers]
    for deliveries in received:
        for number, text in enumerate(deliveries):
            assert f"{ID_PREFIX}{number:0{COUNTER_DIGITS}x}" in text
        # Within a few bytes: the gateway writes a time whose digits vary, and a `prev` of one digit at the first.
        assert abs(len(deliveries[-1]) - DELIVERED_BYTES) < 4


def test_a_peer_that_cannot_be_installed_is_reported_and_the_others_are_measured(tmp_path: Path) -> None:
    arguments = "--servers ws,floor --subscribers 2 --outstanding 1 --seconds 0.1 --rounds 1"
    command = [sys.executable, "-m", "bench.fan_out", *arguments.split()]
    # Neither Node nor a compiler on this PATH, so that the floor and the load generator are those in Python.
    bare = {"PATH": str(tmp_path)}
    finished = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 1
    assert "NOT MEASURED: ws: no node on PATH: apt-get install nodejs" in finished.stdout
    assert "| floor  |" in finished.stdout
