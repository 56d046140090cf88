"""A peer that reads nothing, or nearly nothing: closed 4509 by the write deadline, whatever its policy; never early."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest
from gateways import RunningGateway, envelope, running_gateway
from ledger import received_of, walk_chain
from node_peers import NodeWebSocket
from slow_reader import SlowReader, until_blocked
from wire import PING, TEXT, RawClient, frame_bytes

pytestmark = pytest.mark.slow

STALL_S = 0.5
LATE_S = 0.4  # what a busy machine may add to a timer
SETTINGS: dict[str, object] = {
    "mailbox.write_stall_s": STALL_S,
    "mailbox.messages": 50,
    "mailbox.bytes": 262_144,
    "history.messages": 5_000,
    "topics.t.overflow": "catch_up",  # it never disconnects by itself: what ends the connection is the deadline
}
PAYLOAD = "x" * 1000


@asynccontextmanager
async def behind(**settings: object) -> AsyncIterator[tuple[RunningGateway, SlowReader, list[int]]]:
    """A subscriber of ``t:a`` that has stopped reading, far more waiting for it than its socket takes."""
    async with running_gateway({**SETTINGS, **settings}) as running, await SlowReader.connected(running) as reader:
        await reader.subscribe({"t:a": {}})
        published = await until_blocked(running, "t:a", PAYLOAD)
        for _ in range(500):
            published.append((await running.gateway.publish("t:a", "x", PAYLOAD)).seq)
        yield running, reader, published


def session_of(running: RunningGateway) -> Any:
    (client,) = running.gateway.clients
    return client.session


async def until_closed(session: Any) -> float:
    """When the session was closed, in monotonic seconds."""
    async with asyncio.timeout(10):
        while not session.closed:
            await asyncio.sleep(0)
    return time.monotonic()


@pytest.mark.gen_test(timeout=20)
async def test_a_reader_that_stops_is_closed_at_the_deadline_and_neither_before_nor_long_after() -> None:
    async with running_gateway(SETTINGS) as running, await SlowReader.connected(running) as reader:
        await reader.subscribe({"t:a": {}})
        session = session_of(running)
        await until_blocked(running, "t:a", PAYLOAD)
        blocked_at = session.socket.unsent_since  # a moment ago: ``until_blocked`` makes sure that it stays so
        assert STALL_S <= await until_closed(session) - blocked_at <= STALL_S + LATE_S
        closed = await reader.read_to_the_end()
        assert closed is not None and (closed.code, "stalled" in closed.reason) == (4509, True)


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("bytes_at_a_time", [1, 512])
async def test_a_trickle_reader_is_closed_within_the_deadline(bytes_at_a_time: int) -> None:
    async with behind() as (running, reader, _):
        session = session_of(running)
        blocked_at = time.monotonic()
        closing = asyncio.ensure_future(until_closed(session))
        while not closing.done():
            await reader.client.receive(bytes_at_a_time)
            # The reader's pace, until the gateway hangs up.
            await asyncio.wait({closing}, timeout=0.02)
        assert await closing - blocked_at <= STALL_S + LATE_S
        closed = await reader.read_to_the_end()
        assert closed is not None and closed.code == 4509


@pytest.mark.gen_test(timeout=20)
async def test_a_slow_reader_that_keeps_up_with_the_deadline_stays_and_gets_everything() -> None:
    """64 KiB, one write of a draining mailbox, in every half deadline is enough, for several deadlines."""
    async with behind() as (running, reader, published):
        begun = time.monotonic()
        while reader.frames[-1].get("seq") != published[-1]:
            pause_until = time.monotonic() + STALL_S / 2
            for _ in range(64):
                assert await reader.read_one()
                if reader.frames[-1].get("seq") == published[-1]:
                    break
            await asyncio.sleep(max(0.0, pause_until - time.monotonic()))  # the reader's pace
        assert time.monotonic() - begun > 3 * STALL_S
        assert walk_chain("t:a", reader.frames, published) == []
        assert not session_of(running).closed


LARGE = "x" * 20_000


async def _stop(running: RunningGateway, peer: NodeWebSocket, count: int) -> list[int]:
    """Stop the process, and publish ``count`` messages more than fill what its socket takes at first."""
    peer.process.send_signal(SIGSTOP)
    published = await until_blocked(running, "t:a", LARGE)
    return published + [(await running.gateway.publish("t:a", "x", LARGE)).seq for _ in range(count)]


@pytest.mark.gen_test(timeout=30)
async def test_a_browser_process_that_is_stopped_for_a_while_misses_nothing_and_for_too_long_is_closed() -> None:
    settings = SETTINGS | {"mailbox.write_stall_s": 3.0}
    async with running_gateway(settings) as running, NodeWebSocket(running.ws_url) as peer:
        await peer.send(envelope("system", "subscribe", {"topics": ["t:a"]}))
        await peer.frame_of_type("subscribed")
        session = session_of(running)
        published = await _stop(running, peer, 100)
        peer.process.send_signal(SIGCONT)
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1].get("seq") != published[-1]:
            frames.append(await peer.frame())
        assert walk_chain("t:a", frames, published) == []
        await _stop(running, peer, 400)  # its kernel has learnt to take megabytes meanwhile
        await until_closed(session)
        peer.process.send_signal(SIGCONT)


@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("kind", ["publish", "subscribe", "ping"])
async def test_a_client_whose_answers_wait_is_not_read_and_closed_by_the_deadline(kind: str) -> None:
    settings = SETTINGS | {"limits.client_messages_per_s": 1e6}
    async with running_gateway(settings) as running, await RawClient.upgraded(running.port, receive_buffer=4096) as raw:
        session = session_of(running)
        flood = asyncio.ensure_future(_flood(raw, kind))
        most = 0
        while not session.closed:
            most = max(most, session.socket.unsent_bytes)
            await asyncio.sleep(0)
        assert most < 64 * 1024, f"{most} bytes waited for a client that reads nothing"
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        closed = await raw.closed()
        assert closed is not None and closed.code == 4509


async def _flood(raw: RawClient, kind: str) -> None:
    """One request after the other, as fast as the gateway takes them, and never a look at the answers."""
    while True:
        match kind:
            case "publish":
                frame = _text(envelope("t:elsewhere", data=1))
            case "subscribe":
                frame = _text(envelope("system", "subscribe", {"topics": ["t:b", "not a topic"]}))
            case _:
                frame = frame_bytes(PING, b"x" * 100)
        await raw.send_bytes(frame * 20)


def _text(message: object) -> bytes:
    return frame_bytes(TEXT, json.dumps(message).encode())


@pytest.mark.gen_test(timeout=20)
async def test_what_a_stopped_reader_got_before_is_a_beginning_of_what_was_published() -> None:
    async with behind() as (running, reader, published):
        await until_closed(session_of(running))
        await reader.read_to_the_end()
        got = received_of("t:a", reader.frames)
        assert got == published[: len(got)]
