"""The example agent against a real gateway: its text arrives whole, in order, and at its pace."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from server.testing.child_process import ChildProcess
from server.testing.server_process import ServerProcess, free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FANWIRE = [sys.executable, "-m", "server.cli"]
AGENT = [sys.executable, str(ROOT / "examples" / "agent_run.py")]
ENV = {"PYTHONPATH": str(ROOT)}
TEXT = "One  two\nthree, and a half.\n\nFour – fünf!\n"
WORDS = 9


def _gateway(port: int | None = None) -> ServerProcess:
    return ServerProcess([*FANWIRE, "serve", "--dev", "--port", "{port}"], port=port, env=ENV)


def _agent(port: int, *words: str) -> ChildProcess:
    return ChildProcess([*AGENT, "--url", f"http://127.0.0.1:{port}", *words])


async def _messages(port: int, topic: str, count: int) -> list[dict[str, object]]:
    words = ["tail", topic, "--json", "--since", "earliest", "--count", str(count)]
    async with ChildProcess([*FANWIRE, *words, "--url", f"http://127.0.0.1:{port}"], talks=True, env=ENV) as tail:
        return [json.loads(await tail.read_line()) for _ in range(count)]


@pytest.mark.gen_test(timeout=60)
async def test_a_run_arrives_whole_and_in_order(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text(TEXT, encoding="utf-8")
    async with _gateway() as server:
        async with _agent(server.port, "--text", str(file), "--topic", "thread:7", "--rate", "1000") as agent:
            assert await agent.wait() == 0, agent.log
        messages = await _messages(server.port, "thread:7", WORDS + 3)
    types = [message["type"] for message in messages]
    assert types == ["run_started", "thread_message_created", *["stream_chunk"] * WORDS, "run_finished"]
    chunks = [message["data"] for message in messages[2:-1]]
    assert "".join(chunk["text"] for chunk in chunks) == TEXT  # type: ignore[index]
    assert [chunk["index"] for chunk in chunks] == list(range(WORDS))  # type: ignore[index]


@pytest.mark.gen_test(timeout=60)
async def test_the_pace_does_not_drift(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("word " * 101)
    async with _gateway() as server:
        async with _agent(server.port, "--text", str(file), "--rate", "100") as agent:
            assert await agent.wait(timeout_s=20) == 0, agent.log
        messages = await _messages(server.port, "thread:demo", 104)
    times = [message["ts"] for message in messages]
    # 100 pauses of 10 ms; waiting 10 ms after each answer instead would take the answers' time longer.
    assert float(str(times[-2])) - float(str(times[2])) == pytest.approx(1.0, abs=0.1)


@pytest.mark.gen_test(timeout=60)
async def test_the_agent_waits_for_the_gateway_to_come_up(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text(TEXT, encoding="utf-8")
    port = free_port()
    async with _agent(port, "--text", str(file)) as agent, _gateway(port):
        assert await agent.wait(timeout_s=20) == 0, agent.log


@pytest.mark.gen_test(timeout=60)
async def test_a_503_is_waited_out_and_the_same_id_sent_again() -> None:
    """A gateway is only briefly full; this stand-in says so once, and records what comes."""
    bodies: list[dict[str, object]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            sizes = [line for line in head.decode().splitlines() if line.lower().startswith("content-length")]
            body = await reader.readexactly(int(sizes[0].split()[1])) if sizes else b""
            bodies.extend([json.loads(body)] if body else [])
            full = len(bodies) == 1 and bool(body)
            status = "503 Full\r\nRetry-After: 0" if full else "200 OK"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}".encode())

    async def until_it_hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    stand_in = await asyncio.start_server(until_it_hangs_up, "127.0.0.1", 0)
    port = stand_in.sockets[0].getsockname()[1]
    async with _agent(port, "--rate", "5000") as agent:
        assert await agent.wait(timeout_s=20) == 0, agent.log
    stand_in.close()
    assert bodies[0] == bodies[1]
    assert len({str(body["id"]) for body in bodies}) == len(bodies) - 1


@pytest.mark.gen_test(timeout=60)
async def test_a_bad_topic_ends_the_agent_with_the_gateways_own_words() -> None:
    async with _gateway() as server, _agent(server.port, "--topic", "no spaces") as agent:
        assert await agent.wait() == 2
        assert "bad_topic" in agent.log and "Traceback" not in agent.log
