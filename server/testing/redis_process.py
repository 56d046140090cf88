"""A real redis-server on a free port, for gateways that share a bus."""

import shutil
from pathlib import Path
from tempfile import mkdtemp

from server.testing.server_process import ServerProcess

__all__ = ["RedisProcess"]


class RedisProcess(ServerProcess):
    """Its folder stays empty, and goes with it.

    Raises: FileNotFoundError that says what to install.
    """

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise FileNotFoundError(
                "redis-server is missing: two workers share a bus only across a network. On Debian: "
                "apt-get install --no-install-recommends redis-server; and pip install 'fanwire[redis]'"
            )
        self._folder = Path(mkdtemp(prefix="fanwire-redis-"))
        super().__init__([program, "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)])

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def stop(self) -> int:
        code = await super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        return code
