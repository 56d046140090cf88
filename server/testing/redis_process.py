"""A real redis-server on a free port, for gateways that share a bus."""

import shutil
from pathlib import Path
from tempfile import mkdtemp

from server.testing.server_process import ServerProcess

__all__ = ["RedisProcess"]


class RedisProcess(ServerProcess):
    """``options`` are added to its command line. Without a ``folder`` it has one of its own, which goes with it.

    Raises: FileNotFoundError that says what to install.
    """

    def __init__(self, *options: str, port: int | None = None, folder: Path | None = None) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise FileNotFoundError(
                "redis-server is missing: two workers share a bus only across a network. On Debian: "
                "apt-get install --no-install-recommends redis-server; and pip install 'fanwire[redis]'"
            )
        self._own = None if folder is not None else Path(mkdtemp(prefix="fanwire-redis-"))
        argv = [program, "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", str(folder or self._own)]
        super().__init__([*argv, *options], port=port)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def stop(self) -> int:
        code = await super().stop()
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
        return code
