"""The servers of the comparison: how each is started, and what it adds to a message. Owns no state.

Most of them speak the texts of ``bench/dialogue.py``, some a dialect of their own: an adapter is only a command line.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import unquote

from bench.dialects import ENVELOPES, NCHAN, SOCKET_IO, Dialect
from bench.native import build
from bench.peers.nchan import find_nginx
from bench.peers_install import NotInstalled, install_nchan, install_node_peers, install_python_peers

__all__ = ["SERVERS", "Server", "Unavailable", "resolve"]

# What a bench needs beyond the defaults: thousands of clients from one address, one that always publishes.
_FANWIRE_LIMITS = {
    "FANWIRE_LIMITS__CONNECTIONS": "20000",
    "FANWIRE_LIMITS__CONNECTIONS_PER_IP": "20000",
    "FANWIRE_LIMITS__CONNECTIONS_PER_USER": "20000",
    "FANWIRE_LIMITS__CLIENT_MESSAGES_PER_S": "1000000",
}

# 42["message",] around what was published
_SOCKET_IO_ADDS_BYTES = 14

_PEERS = Path(__file__).parent / "peers"

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
    dialect: Dialect = ENVELOPES


def resolve(name: str) -> Server:
    """The server called ``name`` (one of SERVERS), built if it has to be.

    A peer that is not installed yet is, in the benches' own folders.

    Raises: Unavailable when a package or program it needs is missing and cannot be installed.
    """
    try:
        return SERVERS[name]()
    except NotInstalled as error:
        raise Unavailable(name, str(error)) from error


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


def _tornado() -> Server:
    described = f"Tornado {_version('tornado')}, a loop of write_message(), asyncio's own loop"
    return Server("tornado", described, (sys.executable, "-m", "bench.peers.tornado_loop", "{port}"))


def _picows() -> Server:
    python = str(install_python_peers())
    described = f"picows {_version_in(python, 'picows')} (Cython), a loop of send(), uvloop"
    return Server("picows", described, (python, "-m", "bench.peers.picows_loop", "{port}"))


def _uwebsockets() -> Server:
    python = str(install_python_peers())
    described = f"µWebSockets (C++) through socketify {_version_in(python, 'socketify')}, app.publish()"
    return Server("uwebsockets", described, (python, "-m", "bench.peers.uwebsockets_publish", "{port}"))


def _nchan() -> Server:
    module, nginx = install_nchan(), find_nginx()
    if nginx is None:
        raise Unavailable("nchan", "no nginx: apt-get install nginx-light")
    (package,) = module.parents[4].glob("*.deb")
    release = unquote(package.name.split("_")[1])
    described = f"nchan {release} (C), a channel, in {_said_by(nginx, '-v').rpartition(' ')[2]}, one process"
    command = (sys.executable, "-m", "bench.peers.nchan", "{port}", str(module))
    return Server("nchan", described, command, dialect=NCHAN)


def _ws() -> Server:
    node = str(install_node_peers())
    described = f"ws {_node_version('ws')}, a loop of send(), Node {_said_by(node, '--version')}"
    return Server("ws", described, (node, str(_PEERS / "ws_loop.mjs"), "{port}"))


def _socketio() -> Server:
    node = str(install_node_peers())
    described = (
        f"Socket.IO {_node_version('socket.io')}, io.to(room).emit() over WebSocket, Node {_said_by(node, '--version')}"
    )
    command = (node, str(_PEERS / "socketio_room.mjs"), "{port}")
    return Server("socketio", described, command, adds_bytes=_SOCKET_IO_ADDS_BYTES, dialect=SOCKET_IO)


def _require(name: str, *packages: str) -> None:
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise Unavailable(name, f"{', '.join(missing)} not installed: pip install 'fanwire[bench]'")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed as a package)"


def _version_in(python: str, package: str) -> str:
    return _said_by(python, "-c", f"import importlib.metadata as m; print(m.version({package!r}))")


def _said_by(*command: str) -> str:
    # nginx tells its version on stderr.
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=True)
    return said.stdout.strip()


def _node_version(package: str) -> str:
    found: str = json.loads((_PEERS / "node_modules" / package / "package.json").read_text())["version"]
    return found


SERVERS: Mapping[str, Callable[[], Server]] = {
    "floor": _floor,
    "fanwire": _fanwire,
    "fastapi": _fastapi,
    "websockets": _websockets,
    "tornado": _tornado,
    "picows": _picows,
    "uwebsockets": _uwebsockets,
    "nchan": _nchan,
    "ws": _ws,
    "socketio": _socketio,
}
