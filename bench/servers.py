"""The servers of the comparison: how each is started, and what it adds to a message. Owns no state.

All of them speak the texts of ``bench/dialogue.py``, so an adapter is only a command line.
"""

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.native import build

__all__ = ["SERVERS", "Server", "Unavailable", "resolve"]

# What a bench needs beyond the defaults: thousands of clients from one address, one that always publishes.
_FANWIRE_LIMITS = {
    "FANWIRE_LIMITS__CONNECTIONS": "20000",
    "FANWIRE_LIMITS__CONNECTIONS_PER_IP": "20000",
    "FANWIRE_LIMITS__CONNECTIONS_PER_USER": "20000",
    "FANWIRE_LIMITS__CLIENT_MESSAGES_PER_S": "1000000",
}

# ,"ts":1719958453.127,"seq":1719958453127004,"prev":1719958453127003
_FANWIRE_ADDS_BYTES = 66


class Unavailable(Exception):
    """A server cannot be started here; ``reason`` says what to install."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Server:
    """One server, ready to start: ``command`` with ``{port}`` in it, and ``described`` for the report."""

    name: str
    described: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    adds_bytes: int = 0


def resolve(name: str) -> Server:
    """The server called ``name`` (one of SERVERS), built if it has to be.

    Raises: Unavailable when a package or program it needs is missing.
    """
    return SERVERS[name]()


def _floor() -> Server:
    program = build("floor")
    if program is None:
        described = "NO C COMPILER: a bare Python send() loop (ratios are flattered)"
        return Server("floor", described, (sys.executable, "-m", "bench.peers.floor", "{port}"))
    return Server("floor", "C: one send() per subscriber, epoll", (str(program), "{port}"))


def _fanwire() -> Server:
    program = Path(sys.executable).with_name("fanwire")
    if not program.exists():
        raise Unavailable("fanwire", f"no {program}; install the checkout first: pip install -e .")
    command = (str(program), "serve", "--dev", "--host", "127.0.0.1", "--port", "{port}")
    described = f"fanwire {_version('fanwire')}, memory bus, one worker, asyncio's own loop"
    return Server("fanwire", described, command, _FANWIRE_LIMITS, _FANWIRE_ADDS_BYTES)


def _fastapi() -> Server:
    _require("fastapi", "fastapi", "uvicorn", "websockets")
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio's own loop"
    described = (
        f"FastAPI {_version('fastapi')} + uvicorn {_version('uvicorn')} ({loop}), "
        "asyncio.gather(send_text): the design Fanwire replaces"
    )
    return Server("fastapi", described, (sys.executable, "-m", "bench.peers.fastapi_gather", "{port}"))


def _websockets() -> Server:
    _require("websockets", "websockets")
    described = f"websockets {_version('websockets')} broadcast(), asyncio's own loop"
    command = (sys.executable, "-m", "bench.peers.websockets_broadcast", "{port}")
    return Server("websockets", described, command)


def _require(name: str, *packages: str) -> None:
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise Unavailable(name, f"{', '.join(missing)} not installed: pip install 'fanwire[bench]'")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed as a package)"


SERVERS: Mapping[str, Callable[[], Server]] = {
    "floor": _floor,
    "fanwire": _fanwire,
    "fastapi": _fastapi,
    "websockets": _websockets,
}
