"""Starts a server on a core of its own, waits until it listens, stops it by its own pid. Owns the child."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cpu import pin
from bench.servers import Server

__all__ = ["Running", "ServerDied", "free_port", "run_server", "stop"]

_START_S = 30.0
_STOP_S = 10.0
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens on 127.0.0.1:``port``."""

    pid: int
    port: int


class ServerDied(Exception):
    """A server ended, or did not listen in time; ``log`` is the end of what it printed."""

    def __init__(self, name: str, log: str) -> None:
        super().__init__(name, log)
        self.name = name
        self.log = log

    def __str__(self) -> str:
        return f"{self.name} does not listen; the end of its log:\n{self.log[-2000:]}"


@contextmanager
def run_server(server: Server, core: int) -> Iterator[Running]:
    """Start ``server`` pinned to ``core``; it is stopped, and its log dropped, when the block ends.

    Raises: ServerDied when it does not listen within 30 s.
    """
    port = free_port()
    command = [part.replace("{port}", str(port)) for part in server.command]
    with tempfile.TemporaryFile(mode="w+") as log:
        child = subprocess.Popen(command, cwd=_ROOT, env=os.environ | dict(server.environment), stdout=log, stderr=log)
        try:
            pin(child.pid, core)
            if not _wait_until_listening(child, port):
                log.seek(0)
                raise ServerDied(server.name, log.read())
            yield Running(child.pid, port)
        finally:
            stop(child)


def stop(child: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """End ``child`` with SIGTERM, and with SIGKILL when it has not gone 10 s later."""
    child.terminate()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(child: subprocess.Popen[bytes], port: int) -> bool:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s and child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False
