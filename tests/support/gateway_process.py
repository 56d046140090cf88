"""``fanwire serve`` as a process of its own, with the settings a test wants, and what the kernel says of it."""

from collections.abc import Mapping
from pathlib import Path

import server.testing

__all__ = ["GatewayProcess"]

QUIET: Mapping[str, object] = {
    "auth.mode": "disabled",
    "log.level": "warning",
    # First pings come at random moments of the interval: among thousands of connections one would be early.
    "heartbeat.interval_s": 3e7,
    "heartbeat.timeout_s": 3.1e7,
}


class GatewayProcess(server.testing.GatewayProcess):
    """Neither tokens nor heartbeats unless ``settings`` (dotted keys) say so."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        super().__init__({**QUIET, **settings})

    def memory_bytes(self) -> int:
        """What is resident now."""
        return self._status_kib("VmRSS") * 1024

    def most_memory_bytes(self) -> int:
        """The most that ever was resident."""
        return self._status_kib("VmHWM") * 1024

    def _status_kib(self, field: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        (found,) = [line.split() for line in lines if line.startswith(f"{field}:")]
        return int(found[1])
