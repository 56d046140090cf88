"""One window of publishing to many topics on a fresh gateway: what is measured there, and how it becomes numbers.

Owns nothing beyond the two children and the file of tabs while they run.
"""

import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cells import BUSY_LIMIT, GENERATOR_CORE, SERVER_CORE
from bench.cpu import usage
from bench.footprint import resident, waited_for_core_s
from bench.open_loop import quantile_ms
from bench.processes import Running, run_server
from bench.servers import Server
from bench.storm_dialogue import sign
from bench.storm_server import authenticated_server
from bench.stream_dialogue import Tab, tab_lines
from bench.stream_load import Backends, Quarter, StreamLoad, StreamResult, run_stream_load

__all__ = ["StreamCell", "StreamSetting", "measure_stream"]

_DISTURBED = 0.05
_WARM_UP_S, _WARM_UP_SHARE = 1.0, 5
_OWN_TOPIC = 1
_USUAL_TOPICS = 100
# Lag that has doubled from the second quarter to the last, and by more than a scheduler's whim, goes on growing.
_GROWTH, _SLACK_MS = 2.0, 25.0
_BEHIND_MS = 1000.0
_KIB = 1024


@dataclass(frozen=True, slots=True)
class StreamSetting:
    """Who subscribes to what, and how it is published: ``messages_per_s`` over all ``topics`` for ``seconds``."""

    tabs: Sequence[Tab]
    topics: int
    backends: int
    tick_ms: int
    max_batch: int
    messages_per_s: int
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class StreamCell:
    """What one window gave; times from the tick at which a message was due to its arrival at one tab.

    ``missing`` counts deliveries that never came; ``quarters_ms`` are the medians of what was due in each quarter of
    the window, None where half of it never came. CPU is the server's, per message that was sent and per delivery;
    ``tab_kib`` is what it grew by for each connection, ``topic_kib`` for each topic's subscriptions, ``history_kib``
    for what was published to it. ``server_waited`` is the share in which the server could have run while its core ran
    something else.
    """

    round: int
    topics: int
    tabs: int
    messages_per_s: int
    messages: int
    due: int
    missing: int
    disordered: int
    refused: int
    unsent: int
    tabs_ended: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    quarters_ms: Sequence[float | None]
    tail_s: float
    message_cpu_us: float
    delivery_cpu_us: float
    tab_kib: float
    topic_kib: float
    history_kib: float
    server_busy: float
    server_waited: float
    generator_busy: float
    generator_late_ms: float

    @property
    def generator_limited(self) -> bool:
        """Whether the load generator had no time left, so that it measured itself."""
        return self.generator_busy > BUSY_LIMIT

    @property
    def disturbed(self) -> bool:
        """Whether something else took so much of the server's core that the times are its work as well."""
        return self.server_waited > _DISTURBED

    @property
    def keeps_up(self) -> bool:
        """Whether everything came, once and in order, and the lag did not grow or reach a second."""
        lost = self.missing + self.disordered + self.refused + self.unsent + self.tabs_ended
        _, early_ms, _, late_ms = self.quarters_ms
        if lost or early_ms is None or late_ms is None:
            return False
        return late_ms <= min(_BEHIND_MS, early_ms * _GROWTH + _SLACK_MS)


@dataclass(frozen=True, slots=True)
class _Grown:
    """Resident bytes of the server: before anybody came, with all connected, subscribed, and after the window."""

    empty: int
    connected: int
    subscribed: int
    published: int


def measure_stream(setting: StreamSetting, round_: int, program: Path) -> StreamCell:
    """Start a gateway and the load generator ``program``, and publish at the rate of ``setting``.

    Raises: Unavailable, ServerDied, GeneratorFailed, or OSError when the server ends meanwhile.
    """
    with _gateway_and_load(setting, program) as (running, load):
        empty = _resident(running)
        load.connect()
        connected = _resident(running)
        load.subscribe()
        subscribed = _resident(running)
        load.run(max(1, setting.messages_per_s // _WARM_UP_SHARE), min(_WARM_UP_S, setting.seconds))
        before_s, waited_s = usage(running.pid).cpu_s, waited_for_core_s(running.pid)
        result = load.run(setting.messages_per_s, setting.seconds)
        cpu_s, waited_s = usage(running.pid).cpu_s - before_s, waited_for_core_s(running.pid) - waited_s
        grown = _Grown(empty, connected, subscribed, _resident(running))
    return _cell(setting, round_, result, cpu_s, waited_s, grown)


@contextmanager
def _gateway_and_load(setting: StreamSetting, program: Path) -> Iterator[tuple[Running, StreamLoad]]:
    secret = secrets.token_hex(32)
    with run_server(_server(setting, secret), SERVER_CORE) as running, tempfile.TemporaryDirectory() as folder:
        tabs, now_s = Path(folder) / "tabs", time.time()
        tabs.write_text("".join(tab_lines(list(setting.tabs), secret, now_s)))
        token = sign(secret, "backend", now_s, publish=["bench:*"])
        tick_us = setting.tick_ms * 1000
        backends = Backends(setting.backends, setting.topics, tick_us, setting.max_batch, setting.text, token)
        with run_stream_load(program, running.port, tabs, backends, GENERATOR_CORE) as load:
            yield running, load


def _server(setting: StreamSetting, secret: str) -> Server:
    server = authenticated_server(len(setting.tabs), secret)
    most = max(tab.topics for tab in setting.tabs) + _OWN_TOPIC
    if most <= _USUAL_TOPICS:
        return server
    return replace(server, environment={**server.environment, "FANWIRE_LIMITS__TOPICS_PER_CLIENT": str(most)})


def _resident(running: Running) -> int:
    return resident(running.pid).rss_bytes


def _cell(
    setting: StreamSetting, round_: int, result: StreamResult, cpu_s: float, waited_s: float, grown: _Grown
) -> StreamCell:
    tabs, topics = len(setting.tabs), setting.topics
    return StreamCell(
        round=round_,
        topics=topics,
        tabs=tabs,
        messages_per_s=setting.messages_per_s,
        messages=result.messages,
        due=result.due,
        missing=result.due - result.received,
        disordered=result.disordered,
        refused=result.refused,
        unsent=result.unsent,
        tabs_ended=result.tabs_ended,
        p50_ms=quantile_ms(result, 0.50),
        p99_ms=quantile_ms(result, 0.99),
        max_ms=quantile_ms(result, 1.0),
        quarters_ms=[_median_ms(quarter) for quarter in result.quarters],
        tail_s=result.tail_s,
        message_cpu_us=cpu_s * 1e6 / max(1, result.messages - result.unsent),
        delivery_cpu_us=cpu_s * 1e6 / max(1, result.received),
        tab_kib=(grown.connected - grown.empty) / _KIB / tabs,
        topic_kib=(grown.subscribed - grown.connected) / _KIB / topics,
        history_kib=(grown.published - grown.subscribed) / _KIB / topics,
        server_busy=cpu_s / result.wall_s,
        server_waited=waited_s / result.wall_s,
        generator_busy=result.generator_cpu_s / result.wall_s,
        generator_late_ms=result.late_us / 1000,
    )


def _median_ms(quarter: Quarter) -> float | None:
    return quantile_ms(quarter, 0.50)
