"""How much of this machine nobody else uses: what a load test may take without measuring its neighbours."""

import asyncio
import os
import time
from pathlib import Path

__all__ = ["idle_cores"]

WINDOW_S = 1.0


async def idle_cores() -> float:
    """Processor cores that were idle for the last second. Source: proc_stat(5), fields idle and iowait."""
    began, ticks = time.monotonic(), _idle_ticks()
    await asyncio.sleep(WINDOW_S)  # the window of the measurement
    return (_idle_ticks() - ticks) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)


def _idle_ticks() -> int:
    first_line = Path("/proc/stat").read_text().partition("\n")[0]
    return sum(map(int, first_line.split()[4:6]))
