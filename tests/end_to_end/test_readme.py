"""The README's commands, as they stand there, against a real gateway."""

import os
import re
import shlex
import signal
import sys
from pathlib import Path

import pytest

from server.testing.child_process import ChildProcess
from server.testing.server_process import ServerProcess, free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
FANWIRE = f"{shlex.quote(sys.executable)} -m server.cli"


def block_with(part: str) -> str:
    """The one block of shell commands that has ``part``, for the gateway and the Python of this test."""
    (block,) = [block for block in BLOCKS if part in block]
    return block.replace(".venv/bin/fanwire", FANWIRE)


def shell(commands: str, port: int) -> ChildProcess:
    url = f"http://127.0.0.1:{port}"
    moved = commands.replace("http://127.0.0.1:8080", url)
    env = {"PYTHONPATH": str(ROOT), "FANWIRE_URL": url, "FANWIRE_SERVER__PORT": str(port)}
    return ChildProcess(["bash", "-euc", moved], env=env)


def gateway() -> ServerProcess:
    command = [sys.executable, "-m", "server.cli", "serve", "--dev", "--port", "{port}"]
    return ServerProcess(command, env={"PYTHONPATH": str(ROOT)})


@pytest.mark.gen_test(timeout=30)
async def test_the_first_message_is_stored() -> None:
    async with gateway() as server, shell(block_with("curl -X POST"), server.port) as curl:
        assert await curl.wait() == 0, curl.log
        assert '"seq":' in curl.log


@pytest.mark.gen_test(timeout=30)
async def test_a_message_that_was_published_can_be_seen() -> None:
    commands = block_with("fanwire tail thread:demo")
    ended_by_itself = commands.replace("--since earliest", "--since earliest --count 1")
    assert ended_by_itself != commands
    async with gateway() as server, shell(ended_by_itself, server.port) as published_and_seen:
        assert await published_and_seen.wait(timeout_s=20) == 0, published_and_seen.log
        assert published_and_seen.log.count("Hello") == 1, published_and_seen.log


@pytest.mark.gen_test(timeout=60)
async def test_a_message_with_a_token_is_stored_and_the_shell_is_as_it_was() -> None:
    commands = block_with("FANWIRE_AUTH__MODE=jwt")
    port = free_port()
    ready = f"curl -so /dev/null --retry 1000 --retry-delay 0 --retry-connrefused http://127.0.0.1:{port}/readyz"
    patient = commands.replace("serve &\n", f"serve &\n{ready}\n") + 'echo "left: ${FANWIRE_AUTH__MODE-nothing}"\n'
    assert ready in patient
    async with shell(patient, port) as told:
        await told.wait_for_log("left: nothing", timeout_s=30)
        assert '"seq":' in told.log, told.log
        os.killpg(told.pid, signal.SIGTERM)
        await told.wait_for_log('"stopping"')
