"""Puts the peers that are no dependency of Fanwire where only the benches find them: ``bench/.peers`` and, for Node's,
``bench/peers/node_modules``. git ignores both.

Command (not needed: a bench that wants a peer installs it)::

    python -m bench.peers_install

Owns those folders. What was installed is kept until its list of packages changes. Nothing here needs root.
"""

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["NotInstalled", "install_nchan", "install_node_peers", "install_python_peers", "main"]

_LISTS = Path(__file__).parent / "peers"
_FOLDER = Path(__file__).parent / ".peers"
_LIMIT_S = 300.0
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


class NotInstalled(Exception):
    """A peer cannot be installed here; ``reason`` is what the installer said last, or what is missing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def install_python_peers() -> Path:
    """The Python of an environment with ``bench/peers/requirements.txt`` in it.

    Raises: NotInstalled.
    """
    wanted = _LISTS / "requirements.txt"
    python = _FOLDER / "python" / "bin" / "python"
    with _once("python", wanted.read_bytes() + platform.python_version().encode(), python) as needed:
        if needed:
            _call(sys.executable, "-m", "venv", "--clear", str(_FOLDER / "python"))
            _call(str(python), *_PIP, "--requirement", str(wanted))
    return python


def install_node_peers() -> Path:
    """The path of Node, for which ``bench/peers/package-lock.json`` has been installed next to it.

    Raises: NotInstalled.
    """
    node = _require("node", "nodejs")
    with _once("node", (_LISTS / "package-lock.json").read_bytes(), _LISTS / "node_modules") as needed:
        if needed:
            npm = _require("npm", "npm")
            _call(str(npm), "ci", "--prefix", str(_LISTS), "--no-audit", "--no-fund", "--loglevel=error")
    return node


def install_nchan() -> Path:
    """The module of Debian's libnginx-mod-nchan, unpacked and not installed: it fits the nginx of the same release.

    Raises: NotInstalled.
    """
    folder = _FOLDER / "nchan"
    module = folder / "usr/lib/nginx/modules/ngx_nchan_module.so"
    with _once("nchan", b"libnginx-mod-nchan", module) as needed:
        if needed:
            apt = _require("apt-get", "apt")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _call(str(apt), "download", "--quiet", "libnginx-mod-nchan", folder=folder)
            (package,) = folder.glob("*.deb")
            _call("dpkg-deb", "--extract", str(package), str(folder))
    return module


@contextmanager
def _once(name: str, wanted: bytes, made: Path) -> Iterator[bool]:
    """Whether ``made`` has yet to be made of ``wanted``, in the block; two runs wait for each other."""
    _FOLDER.mkdir(exist_ok=True)
    stamp = _FOLDER / f"{name}.installed"
    digest = hashlib.sha256(wanted).hexdigest()
    with (_FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        needed = not made.exists() or not stamp.exists() or stamp.read_text() != digest
        yield needed
        if needed:
            stamp.write_text(digest)


def _call(*command: str, folder: Path | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotInstalled(f"{' '.join(command[:4])} failed: {' '.join(said[-2:]) or 'without a word'}")


def _require(program: str, package: str) -> Path:
    found = shutil.which(program)
    if found is None:
        raise NotInstalled(f"no {program} on PATH: apt-get install {package}")
    return Path(found)


def main() -> int:
    """Install all of them; 1 when one cannot be, and the reason is printed."""
    steps: dict[str, Callable[[], Path]] = {
        "picows and socketify": install_python_peers,
        "ws and Socket.IO": install_node_peers,
        "nchan": install_nchan,
    }
    failed = 0
    for name, install in steps.items():
        try:
            print(f"{name}: {install()}")
        except NotInstalled as error:
            failed += 1
            print(f"{name}: NOT INSTALLED: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
