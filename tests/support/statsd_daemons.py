"""Real StatsD daemons for tests: upstream's, from npm, and collectd's plugin. Each is one process, stopped by pid.

A daemon listens on a free port of 127.0.0.1, from a configuration that it writes into the test's own folder.
What it was told is read where its users read it: upstream's management port, collectd's values.
"""

import asyncio
import itertools
import json
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from statsd_world import free_udp_port

from server.testing.child_process import ChildProcess
from server.testing.server_process import free_port

__all__ = ["Collectd", "Upstream", "Values"]

UPSTREAM = Path(__file__).parents[2] / "frontend" / "node_modules" / "statsd" / "stats.js"
COLLECTD = Path("/usr/sbin/collectd")
DEADLINE_S = 30.0
_VALUE = re.compile(r"^PUTVAL here/statsd/(derive|gauge)-(\S+) \S+ [\d.]+:(\S+)$", re.MULTILINE)


class Values(NamedTuple):
    """What a daemon holds, by name: each counter's sum since the daemon's start, each gauge's last value."""

    counters: Mapping[str, float]
    gauges: Mapping[str, float]

    def named(self, prefix: str) -> set[str]:
        return {name for name in (*self.counters, *self.gauges) if name.startswith(prefix)}


class Daemon:
    """Owns a daemon's process and its UDP port; as a context it listens before the body runs."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.port = free_udp_port()
        self.process = ChildProcess(argv)
        self._marks = (f"mark{number}" for number in itertools.count())

    async def __aenter__(self) -> Self:
        """Raises: ProcessError or TimeoutError where it does not listen in time."""
        self._configure()
        await self.process.start()
        try:
            await self._listens()
        except BaseException:
            await self.process.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.process.__aexit__(kind, error, trace)

    def _configure(self) -> None:
        raise NotImplementedError

    async def _listens(self) -> None:
        raise NotImplementedError

    def _send(self, line: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(line.encode(), ("127.0.0.1", self.port))


class Upstream(Daemon):
    """npm's ``statsd`` with its console backend. It never flushes while a test runs, so its counters are sums."""

    def __init__(self, folder: Path) -> None:
        assert UPSTREAM.exists(), "npm's statsd is missing. Run: make test (or npm ci in frontend/)"
        self._config = folder / "statsd.js"
        self._management_port = free_port()
        super().__init__(["node", "--no-deprecation", str(UPSTREAM), str(self._config)])

    async def values(self) -> Values:
        """All that was sent before this call."""
        mark = next(self._marks)
        async with asyncio.timeout(DEADLINE_S):
            while mark not in (gauges := await self._ask("gauges")):
                # Again and again: its port opens some time after it says that it is up.
                self._send(f"{mark}:1|g")
        return Values(await self._ask("counters"), gauges)

    def _configure(self) -> None:
        config = {
            "address": "127.0.0.1",
            "port": self.port,
            "mgmt_address": "127.0.0.1",
            "mgmt_port": self._management_port,
            "backends": ["./backends/console"],
            "flushInterval": 3_600_000,
        }
        self._config.write_text(json.dumps(config))

    async def _listens(self) -> None:
        await self.process.wait_for_log("server is up", timeout_s=DEADLINE_S)
        await self.values()

    async def _ask(self, what: str) -> dict[str, float]:
        """Empty while the management port does not accept yet."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._management_port)
        except ConnectionRefusedError:
            return {}
        writer.write(what.encode())
        answer = (await reader.readuntil(b"END\n\n")).decode()
        writer.close()
        await writer.wait_closed()
        return {name: float(value) for name, value in re.findall(r"'?([^\s',{]+)'?: ([-+.\de]+)", answer)}


class Collectd(Daemon):
    """Debian's collectd with its statsd plugin; its csv plugin writes all values to the log, counters as sums."""

    def __init__(self, folder: Path) -> None:
        assert COLLECTD.exists(), (
            "collectd is missing. Run as root: make test (or apt-get install --no-install-recommends collectd-core)"
        )
        self._folder = folder
        self._config = folder / "collectd.conf"
        super().__init__([str(COLLECTD), "-f", "-C", str(self._config)])

    async def values(self) -> Values:
        """All that was sent before this call. Raises: ProcessError after half a minute."""
        # A mark tells that a round of reading has begun with all that was sent; the next one, that it is over.
        for _ in range(2):
            mark = next(self._marks)
            self._send(f"{mark}:1|g")
            await self.process.wait_for_log(f"gauge-{mark} ", timeout_s=DEADLINE_S)
        found = re.findall(
            r"^PUTVAL here/statsd/(derive|gauge)-(\S+) \S+ [\d.]+:(\S+)$", self.process.log, re.MULTILINE
        )
        return Values(
            {name: float(value) for kind, name, value in found if kind == "derive"},
            {name: float(value) for kind, name, value in found if kind == "gauge"},
        )

    def _configure(self) -> None:
        self._config.write_text(f"""
            Hostname "here"
            FQDNLookup false
            Interval 0.25
            ReadThreads 1
            WriteThreads 1  # so that the values come in order
            BaseDir "{self._folder}"
            PIDFile "{self._folder}/collectd.pid"
            LoadPlugin logfile
            <Plugin logfile>
                File STDERR
            </Plugin>
            LoadPlugin csv
            <Plugin csv>
                DataDir "stderr"
                StoreRates false
            </Plugin>
            LoadPlugin statsd
            <Plugin statsd>
                Host "127.0.0.1"
                Port "{self.port}"
            </Plugin>
        """)

    async def _listens(self) -> None:
        await self.process.wait_for_log("statsd plugin: Listening on", timeout_s=DEADLINE_S)
