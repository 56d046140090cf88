"""The command line against a real gateway: what one terminal publishes another one shows."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from server.testing.child_process import ChildProcess
from server.testing.server_process import ServerProcess, free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FANWIRE = [sys.executable, "-m", "server.cli"]
SECRET = "0123456789abcdef0123456789ABCDEF"
JWT = {"FANWIRE_AUTH__MODE": "jwt", "FANWIRE_AUTH__SECRET": SECRET}
# Not the shell of whoever runs the tests, but these alone may configure what is tested.
ENV = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"]}


class Ended(NamedTuple):
    code: int
    out: str
    err: str


async def _fanwire(*words: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Ended:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *FANWIRE, *words, stdin=pipe, stdout=pipe, stderr=pipe, env={**ENV, **(env or {})}, cwd=ROOT
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def _gateway(*words: str, port: int | None = None, env: Mapping[str, str] | None = None) -> ServerProcess:
    argv = [*FANWIRE, "serve", "--port", "{port}", *words]
    return ServerProcess(argv, port=port, env={"PYTHONPATH": str(ROOT), **(env or {})})


def _tail(server: ServerProcess, *words: str) -> ChildProcess:
    argv = [*FANWIRE, "tail", "--url", _url(server), *words]
    return ChildProcess(argv, talks=True, env={"PYTHONPATH": str(ROOT)})


def _url(server: ServerProcess) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.mark.gen_test(timeout=60)
async def test_what_is_published_is_tailed_with_its_trace_id() -> None:
    async with _gateway("--dev") as server:
        published = await _fanwire("publish", "thread:1", "hello", '{"text":"hé"}', "--url", _url(server))
        async with _tail(server, "thread:1", "--json", "--count", "1", "--since", "earliest") as tail:
            envelope = json.loads(await tail.read_line())
            assert await tail.wait() == 0
    answer = json.loads(published.out)
    assert published == (0, published.out, "")
    assert {name: envelope[name] for name in ("id", "topic", "seq", "prev")} == {
        name: answer[name] for name in ("id", "topic", "seq", "prev")
    }
    assert (envelope["type"], envelope["data"]) == ("hello", {"text": "hé"})


@pytest.mark.gen_test(timeout=60)
async def test_data_comes_from_stdin_and_the_same_id_is_stored_once() -> None:
    words = ("publish", "a:1", "t", "-", "--id", "0b6f7c1e-0000-4000-8000-000000000001", "--url")
    async with _gateway("--dev") as server:
        answers = [json.loads((await _fanwire(*words, _url(server), stdin=b"[1, 2]")).out) for _ in range(2)]
        tailed = await _fanwire("tail", "a:1", "--since", "earliest", "--count", "1", "--url", _url(server))
    assert [answer.pop("duplicate") for answer in answers] == [False, True]
    assert answers[0] == answers[1]
    assert tailed.out.endswith("  a:1  t  [1, 2]\n")


@pytest.mark.gen_test(timeout=60)
async def test_tail_comes_back_after_a_restart_and_says_what_is_missing() -> None:
    port = free_port()
    async with _gateway("--dev", port=port) as first:
        await _fanwire("publish", "thread:1", "before", "--url", _url(first))
        tail = _tail(first, "thread:1", "--since", "earliest")
        await tail.start()
        assert "before" in await tail.read_line()
    try:
        await tail.wait_for_log("closed 1012")
        async with _gateway("--dev", port=port) as second:
            # The memory bus has forgotten: the position is nowhere in the new history.
            await tail.wait_for_log("gap in thread:1", timeout_s=20)
            await _fanwire("publish", "thread:1", "after", "--url", _url(second))
            assert "after" in await tail.read_line()
            tail.send_signal(2)
            assert await tail.wait() == 0
    finally:
        await tail.stop()


@pytest.mark.gen_test(timeout=60)
async def test_a_message_that_breaks_a_rule_is_a_usage_error_with_its_field() -> None:
    async with _gateway("--dev") as server:
        bad_type = await _fanwire("publish", "thread:1", "NOT OK", "--url", _url(server))
        bad_topic = await _fanwire("tail", "no spaces", "--url", _url(server))
    assert bad_type.code == 2 and "type: must be 1 to 64 characters" in bad_type.err
    assert bad_topic.code == 2 and "bad_topic" in bad_topic.err
    assert bad_type.out == bad_topic.out == ""


@pytest.mark.gen_test(timeout=60)
async def test_without_the_right_token_everything_is_denied() -> None:
    env = {**JWT}
    async with _gateway(env=JWT) as server:
        env["FANWIRE_URL"] = _url(server)
        token = (await _fanwire("token", "--sub", "me", "--subscribe", "a:*", "--publish", "a:*", env=env)).out.strip()
        anonymous = await _fanwire("publish", "a:1", "t", env=env), await _fanwire("tail", "a:1", env=env)
        env["FANWIRE_TOKEN"] = token
        elsewhere = await _fanwire("publish", "b:1", "t", env=env), await _fanwire("tail", "b:1", env=env)
        allowed = await _fanwire("publish", "a:1", "t", env=env)
        tailed = await _fanwire("tail", "a:1", "--since", "earliest", "--count", "1", env=env)
    assert [ended.code for ended in (*anonymous, *elsewhere)] == [4, 4, 4, 4]
    assert "FANWIRE_TOKEN" in anonymous[0].err and "4401" in anonymous[1].err
    assert "forbidden" in elsewhere[0].err and "b:1: forbidden" in elsewhere[1].err
    assert (allowed.code, tailed.code) == (0, 0)
    assert token not in allowed.err + tailed.err


@pytest.mark.gen_test(timeout=60)
async def test_where_nobody_listens_is_unreachable() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for words in (("publish", "a:1", "t"), ("tail", "a:1")):
        ended = await _fanwire(*words, "--url", url)
        assert (ended.code, ended.out) == (5, ""), words
        assert url in ended.err and "Traceback" not in ended.err


@pytest.mark.gen_test(timeout=60)
async def test_a_port_in_use_is_said_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = await _fanwire("serve", "--dev", "--port", port)
        checked = await _fanwire("doctor", "--url", f"http://127.0.0.1:{free_port()}")
    assert ended.code == 5
    assert f"127.0.0.1:{port} cannot be listened on: " in ended.err and "--port" in ended.err
    assert "Traceback" not in ended.err
    assert "is free; no gateway runs there yet" in checked.out


@pytest.mark.gen_test(timeout=60)
async def test_doctor_finds_a_gateway_and_a_broken_configuration(tmp_path: Path) -> None:
    file = tmp_path / "fanwire.toml"
    file.write_text("[server]\nprot = 1\n")
    async with _gateway("--dev") as server:
        good = await _fanwire("doctor", "--url", _url(server))
        bad = await _fanwire("doctor", "--url", _url(server), "--config", str(file))
    assert good.code == 0, good.out
    assert f"ok   readiness: {_url(server)}/readyz answers 200" in good.out
    assert bad.code == 6
    assert "fail configuration: server.prot" in bad.out and "did you mean server.port?" in bad.out


@pytest.mark.gen_test(timeout=60)
async def test_dev_prints_a_first_command_that_works_as_it_stands() -> None:
    async with _gateway("--dev", env=JWT) as server:
        command = await server.wait_for_log("  curl -X POST")
        # The token is the same as in the command; curl itself is not needed to see that it works.
        token = command.partition("Bearer ")[2].partition("'")[0]
        body = command.rpartition(" -d '")[2].rstrip("'")
        message = json.loads(body)
        words = ("publish", message["topic"], message["type"], json.dumps(message["data"]))
        published = await _fanwire(*words, "--url", _url(server), "--token", token)
        assert published.code == 0, published.err


@pytest.mark.gen_test(timeout=60)
async def test_a_pipe_that_nobody_reads_ends_the_tail_quietly() -> None:
    async with _gateway("--dev") as server:
        await _fanwire("publish", "a:1", "t", "--url", _url(server))
        command = f"{' '.join(FANWIRE)} tail a:1 --since earliest --url {_url(server)} | true"
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_shell(command, stdout=pipe, stderr=pipe, env=ENV, cwd=ROOT)
        async with asyncio.timeout(20):
            out, err = await process.communicate()
    assert (out, err) == (b"", b"")
