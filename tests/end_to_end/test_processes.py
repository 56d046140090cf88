"""The child processes of the tests themselves: readiness, deadlines, logs, and nothing left behind."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from tornado.websocket import websocket_connect

from server.testing.child_process import ChildProcess, ProcessError
from server.testing.server_process import ServerProcess

pytestmark = pytest.mark.slow

ECHO_SERVER = str(Path(__file__).parents[1] / "support" / "echo_server.py")


def _python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


@pytest.mark.gen_test
async def test_a_server_is_ready_when_it_accepts() -> None:
    async with ServerProcess([sys.executable, ECHO_SERVER, "{port}"]) as server:
        socket = await websocket_connect(f"ws://127.0.0.1:{server.port}/")
        await socket.write_message("hello")
        assert await socket.read_message() == "hello"
        socket.close()


@pytest.mark.gen_test
async def test_a_server_that_ends_at_start_shows_its_log() -> None:
    server = ServerProcess(_python("raise SystemExit('no such setting: {port}')"))
    with pytest.raises(ProcessError, match=rf"ended before it accepted on port {server.port}[^$]*no such"):
        await server.start()


@pytest.mark.gen_test
async def test_a_server_that_never_accepts_fails_at_its_deadline_and_is_stopped() -> None:
    server = ServerProcess(_python("import signal; signal.pause()"), start_timeout_s=0.3)
    with pytest.raises(ProcessError, match=r"did not accept on port \d+ within 0\.3 s"):
        await server.start()
    assert server.returncode == -15


@pytest.mark.gen_test
async def test_a_process_deaf_to_sigterm_is_killed_with_its_children() -> None:
    program = (
        "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); child = os.fork();"
        "print('child', child, flush=True) if child else None; signal.pause()"
    )
    async with ChildProcess(_python(program), stop_timeout_s=0.2) as process:
        child = os.pidfd_open(int((await process.wait_for_log("child ")).split()[1]))
    assert process.returncode == -9
    await _ended(child)


async def _ended(pidfd: int) -> None:
    """Returns when the process is gone: the kernel may need a moment for one that is nobody's child here."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, gone.set)
    try:
        async with asyncio.timeout(5):
            await gone.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


@pytest.mark.gen_test
async def test_a_failing_body_carries_the_log() -> None:
    with pytest.raises(ValueError, match="on purpose") as caught:
        async with ChildProcess(_python("print('last words', flush=True)")) as process:
            await process.wait_for_log("last words")
            raise ValueError("on purpose")
    assert "last words" in caught.value.__notes__[0]


@pytest.mark.gen_test
async def test_waiting_for_a_line_that_never_comes_fails_with_the_log() -> None:
    async with ChildProcess(_python("print('other', flush=True); import signal; signal.pause()")) as process:
        await process.wait_for_log("other")
        with pytest.raises(ProcessError, match=r"no log line containing 'this' within 0\.1 s[^$]*other"):
            await process.wait_for_log("this", timeout_s=0.1)
