"""bench.closed_loop: the count is right however the bytes arrive, and a server that misbehaves is named."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from bench.client_sockets import ServerRefused
from bench.closed_loop import ClosedLoop
from bench.dialogue import publish_text
from bench.frames import server_frame

PUBLISH = publish_text(180, 0)
CLIENT_HEADER = 8
PING = b"\x89\x02hi"
SUBSCRIBERS = 3


Pieces = Callable[[bytes], list[bytes]]


class OneSidedServer:
    """The far ends of one publisher's and some subscribers' connections, answered by a thread."""

    def __init__(self) -> None:
        self.publisher, self.inbox = socket.socketpair()
        pairs = [socket.socketpair() for _ in range(SUBSCRIBERS)]
        self.subscribers = [near for near, _ in pairs]
        self.outboxes = [far for _, far in pairs]
        self.requests: list[bytes] = []
        self._threads: list[threading.Thread] = []

    def answer_each_publish_with(self, pieces: Pieces) -> None:
        self._threads.append(threading.Thread(target=self._answer, args=(pieces,)))
        self._threads[-1].start()

    def close(self) -> None:
        self.publisher.close()
        for thread in self._threads:
            thread.join(timeout=5)
        for end in (self.inbox, *self.subscribers, *self.outboxes):
            end.close()

    def _answer(self, pieces: Pieces) -> None:
        frame_size = CLIENT_HEADER + len(PUBLISH)
        while request := self.inbox.recv(frame_size, socket.MSG_WAITALL):
            self.requests.append(request)
            for outbox in self.outboxes:
                for piece in pieces(server_frame(request[CLIENT_HEADER:])):
                    outbox.sendall(piece)


@pytest.fixture
def server() -> Iterator[OneSidedServer]:
    one_sided = OneSidedServer()
    yield one_sided
    one_sided.close()


def test_a_frame_that_arrives_in_pieces_counts_once(server: OneSidedServer) -> None:
    loop = ClosedLoop(server.publisher, server.subscribers, PUBLISH)
    server.answer_each_publish_with(lambda frame: [frame[:1], frame[1:3], frame[3:90], frame[90:]])
    result = loop.run(outstanding=4, at_least=40, seconds=0)
    assert result.messages == len(result.latencies_us)
    assert 40 <= result.messages <= 43
    assert result.delivered_bytes == result.messages * SUBSCRIBERS * 180


def test_control_frames_between_deliveries_are_not_counted(server: OneSidedServer) -> None:
    loop = ClosedLoop(server.publisher, server.subscribers, PUBLISH)
    server.answer_each_publish_with(lambda frame: [PING + frame + PING[:1], PING[1:]])
    assert loop.run(outstanding=1, at_least=10, seconds=0).delivered_bytes == 10 * SUBSCRIBERS * 180


def test_a_ping_is_answered_with_what_it_carried(server: OneSidedServer) -> None:
    loop = ClosedLoop(server.publisher, server.subscribers, PUBLISH)
    server.answer_each_publish_with(lambda frame: [PING + frame])
    loop.run(outstanding=1, at_least=1, seconds=0)
    pong = b"\x8a\x82\0\0\0\0hi"
    assert [outbox.recv(100) for outbox in server.outboxes] == [pong] * SUBSCRIBERS


def test_every_message_has_an_id_of_its_own(server: OneSidedServer) -> None:
    loop = ClosedLoop(server.publisher, server.subscribers, PUBLISH)
    server.answer_each_publish_with(lambda frame: [frame])
    result = loop.run(outstanding=2, at_least=20, seconds=0)
    assert len(set(server.requests)) == result.messages


def test_an_error_in_place_of_a_delivery_ends_the_run_with_its_text(server: OneSidedServer) -> None:
    loop = ClosedLoop(server.publisher, server.subscribers, PUBLISH)
    refusal = server_frame(b'{"type":"error","data":{"code":"forbidden"}}')
    server.answer_each_publish_with(lambda _: [refusal])
    with pytest.raises(ServerRefused, match="forbidden"):
        loop.run(outstanding=1, at_least=1, seconds=0)


def test_a_connection_that_ends_is_reported_and_not_waited_for(server: OneSidedServer) -> None:
    loop = ClosedLoop(server.publisher, server.subscribers, PUBLISH)
    server.outboxes[1].close()
    with pytest.raises(ServerRefused, match="end of the connection"):
        loop.run(outstanding=1, at_least=1, seconds=0)


def test_a_message_that_comes_twice_in_place_of_the_next_is_not_counted(server: OneSidedServer) -> None:
    loop = ClosedLoop(server.publisher, server.subscribers, PUBLISH)
    first: list[bytes] = []

    def always_the_first(frame: bytes) -> list[bytes]:
        first.append(frame)
        return first[:1]

    server.answer_each_publish_with(always_the_first)
    with pytest.raises(ServerRefused, match="waited for message 1"):
        loop.run(outstanding=1, at_least=2, seconds=0)
