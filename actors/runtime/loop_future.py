"""LoopFuture: Pykka's future for actors that share one thread with whoever asks them."""

import asyncio
import sys
from collections.abc import Generator
from typing import Any

import pykka

__all__ = ["LoopFuture"]


class LoopFuture(pykka.Future[Any]):
    """What ``ActorRef.ask`` returns for a LoopActor: to be awaited, since blocking would stop the loop itself."""

    def __init__(self) -> None:
        super().__init__()
        self._future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def get(self, *, timeout: float | None = None) -> Any:
        """Raises: RuntimeError where the answer is not there yet."""
        if not self._future.done():
            raise RuntimeError("await this future: get() would block the loop that has to answer it")
        return self._future.result()

    def set(self, value: Any = None) -> None:
        if not self._future.done():
            self._future.set_result(value)

    def set_exception(self, exc_info: Any = None) -> None:
        if not self._future.done():
            self._future.set_exception((exc_info or sys.exc_info())[1])  # type: ignore[arg-type]

    def __await__(self) -> Generator[Any, None, Any]:
        return self._future.__await__()
