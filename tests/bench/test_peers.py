"""The two floors and the two load generators take what TCP gives them: frames cut, frames joined."""

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.client_sockets import connect_publisher
from bench.dialogue import HANDSHAKE_ACCEPT, SUBSCRIBE, publish_text
from bench.frames import client_frame, server_frame
from bench.generator import GeneratorFailed, build_generator, run_generator
from bench.processes import run_server
from bench.servers import Server, resolve

pytestmark = pytest.mark.slow

PUBLISH = publish_text(180, 0)
SUBSCRIBERS = 2

_REPEATING_FLOOR = """
import sys
from bench.peers.floor import Floor
handle, texts = Floor._handle, []
def repeat(floor, fd, text):
    texts.append(text)
    handle(floor, fd, text if len(texts) < 3 else texts[1])
Floor._handle = repeat
Floor(int(sys.argv[1])).serve_forever()
"""
REPEATER = Server(
    "repeater", "a floor that sends the first message for ever", (sys.executable, "-c", _REPEATING_FLOOR, "{port}")
)


def _floor_in(language: str) -> Server:
    if language == "C":
        return resolve("floor")
    return Server("floor", "in Python", (sys.executable, "-m", "bench.peers.floor", "{port}"))


@pytest.mark.parametrize("language", ["C", "Python"])
def test_a_floor_waits_for_the_rest_of_a_frame_that_came_in_two_parts(language: str) -> None:
    frame = client_frame(PUBLISH.encode())
    with run_server(_floor_in(language), 0) as running, connect_publisher(running.port) as connection:
        connection.sendall(client_frame(SUBSCRIBE.encode()) + frame[:20])
        # The answer to the first frame shows that the cut one behind it has been read.
        assert b'"subscribed"' in connection.recv(1000)
        connection.sendall(frame[20:] + frame)
        expected = server_frame(PUBLISH.encode()) * 2
        with connection.makefile("rb") as stream:
            assert stream.read(len(expected)) == expected


def _receive_request(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(4096)


def _accept(listener: socket.socket) -> socket.socket:
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _receive_request(connection)
    answer = f"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {HANDSHAKE_ACCEPT}\r\n\r\n"
    connection.sendall(answer.encode())
    return connection


def _halves(publisher: socket.socket) -> Iterator[bytes]:
    """What to send next: the rest of the frame before, and half of the one that was just published."""
    request_size = len(client_frame(PUBLISH.encode()))
    held_back, received = b"", b""
    publisher.settimeout(0.05)
    while True:
        try:
            got = publisher.recv(4096)
        except TimeoutError:
            yield held_back
            held_back = b""
            continue
        if not got:
            return
        received += got
        while len(received) >= request_size:
            frame = server_frame(received[request_size - len(PUBLISH) : request_size])
            received = received[request_size:]
            yield held_back + frame[:90]
            held_back = frame[90:]


def _send_half_frames(listener: socket.socket) -> None:
    """A server that holds back half of its newest frame until the next publish, or until none comes."""
    publisher = _accept(listener)
    subscribers = [_accept(listener) for _ in range(SUBSCRIBERS)]
    for subscriber in subscribers:
        subscriber.recv(4096)
        subscriber.sendall(server_frame(b'{"type":"subscribed"}'))
    for piece in _halves(publisher):
        for subscriber in subscribers:
            subscriber.sendall(piece)
    for connection in [publisher, *subscribers]:
        connection.close()


@pytest.mark.parametrize("language", ["C", "Python"])
def test_a_generator_counts_a_frame_when_its_second_half_has_come(language: str) -> None:
    program: Path | None = build_generator() if language == "C" else None
    if language == "C" and program is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_send_half_frames, args=(listener,))
        thread.start()
        with run_generator(listener.getsockname()[1], SUBSCRIBERS, PUBLISH, 1, 10.0, program) as generator:
            generator.expect("publisher")
            generator.tell("go")
            generator.expect("connected")
            generator.tell("run 2 10 0.1")
            generator.expect("begin")
            generator.tell("go")
            generator.expect("end")
            result = generator.result()
        thread.join(timeout=10)
    assert result.messages == len(result.latencies_us) > 0
    assert result.delivered_bytes == result.messages * SUBSCRIBERS * 180


@pytest.mark.parametrize("language", ["C", "Python"])
def test_a_generator_does_not_count_a_message_that_comes_again(language: str) -> None:
    program = build_generator() if language == "C" else None
    if language == "C" and program is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    with run_server(REPEATER, 0) as running, run_generator(running.port, 1, PUBLISH, 1, 10.0, program) as generator:
        generator.expect("publisher")
        generator.tell("go")
        generator.expect("connected")
        generator.tell("run 1 2 0")
        with pytest.raises(GeneratorFailed, match="message 1"):
            generator.expect("begin")
