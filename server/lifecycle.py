"""The life of one worker process: from listening to its exit code."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable

from server.app import Gateway
from server.config import Config
from server.config_sources import LoadedConfig
from server.descriptors import raise_file_limit
from server.logs import configure_logging

__all__ = ["EXIT_FAILED", "serve"]

EXIT_FAILED = 70  # EX_SOFTWARE: a supervisor gave up; whoever runs this process should start it again

log = logging.getLogger("fanwire.lifecycle")


def serve(loaded: LoadedConfig, *, announce: Callable[[str], None]) -> int:
    """Run a gateway until SIGTERM or SIGINT; returns the process's exit code.

    ``announce`` is told the base URL once connections are accepted. Raises: OSError where the address
    cannot be bound, BadKey where the signing keys cannot be used, BadBus where the bus cannot be made.
    """
    configure_logging(loaded.config.log)
    return asyncio.run(_serve(loaded.config, announce))


async def _serve(config: Config, announce: Callable[[str], None]) -> int:
    raise_file_limit(config.limits.connections)
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    gateway = Gateway(config, failed=lambda: _end(ended, EXIT_FAILED))
    gateway.listen(config.server.host, config.server.port)
    _stop_on_signals(ended)
    _settle_garbage_collector()
    url = f"http://{_bracketed(config.server.host)}:{gateway.port}"
    log.info("listening", extra={"url": url, "bus": config.bus.place})
    announce(url)
    code = await ended
    log.info("stopping", extra={"drain_s": config.server.drain_s})
    await gateway.stop(config.server.drain_s)
    return code


def _stop_on_signals(ended: "asyncio.Future[int]") -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, ended, 0)


def _end(ended: "asyncio.Future[int]", code: int) -> None:
    if not ended.done():
        ended.set_result(code)


def _settle_garbage_collector() -> None:
    """What was imported is there to stay; collecting less often halves the cost of thousands of connects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
