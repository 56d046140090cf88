"""The words spoken with ``peers/stream_load.c``: tabs on many topics, and backends that publish when a batch is due.

A latency goes from the time at which a message's batch was *due* to its arrival at one tab, so that a gateway that
answers late is charged for what its backends could not send meanwhile (coordinated omission). Every delivery counts.
"""

import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.generator import Generator, start_generator
from bench.storm_dialogue import handshake_head
from bench.stream_dialogue import message_text, publish_head

__all__ = ["Backends", "Quarter", "StreamLoad", "StreamResult", "parse_result", "run_stream_load"]

_STEP_S = 300.0
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Backends:
    """``count`` connections share ``topics``; each publishes every ``tick_us``, at most ``max_batch`` messages."""

    count: int
    topics: int
    tick_us: int
    max_batch: int
    text: str
    token: str


@dataclass(frozen=True, slots=True)
class Quarter:
    """The deliveries that were due in one quarter of a run; ``histogram`` as that of ``OpenLoopResult``."""

    due: int
    histogram: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class StreamResult:
    """What one run at a fixed rate gave; messages are counted where nothing else is said.

    ``received`` counts deliveries, ``disordered`` those that came after a later one of their topic, or twice;
    ``refused`` messages were answered by an error, ``unsent`` ones were never taken from their backend; ``late_us`` is
    the most by which the generator itself was late, ``tail_s`` the time from the last tick to the last delivery.
    """

    messages: int
    received: int
    disordered: int
    refused: int
    unsent: int
    tabs_ended: int
    late_us: int
    tail_s: float
    wall_s: float
    generator_cpu_s: float
    quarters: Sequence[Quarter]

    @property
    def due(self) -> int:
        """How many deliveries were due."""
        return sum(quarter.due for quarter in self.quarters)

    @property
    def histogram(self) -> Sequence[Sequence[int]]:
        """That of all quarters together."""
        slots: Counter[int] = Counter()
        for quarter in self.quarters:
            for highest_us, count in quarter.histogram:
                slots[highest_us] += count
        return sorted(slots.items())


def parse_result(text: str) -> StreamResult:
    """What the load generator said after ``result``."""
    said: Mapping[str, list[dict[str, object]]] = json.loads(text)
    quarters = [Quarter(**quarter) for quarter in said["quarters"]]  # type: ignore[arg-type]
    return StreamResult(**{**said, "quarters": quarters})  # type: ignore[arg-type]


class StreamLoad:
    """One load generator and its tabs."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def connect(self) -> float:
        """Connect all tabs; returns the seconds it took. Raises: GeneratorFailed."""
        self._generator.tell("connect")
        return float(self._generator.expect("connected"))

    def subscribe(self) -> float:
        """Subscribe all tabs; returns the seconds until the last was told so. Raises: GeneratorFailed."""
        self._generator.tell("subscribe")
        return float(self._generator.expect("subscribed"))

    def idle(self, seconds: float) -> int:
        """Publish nothing; returns how many pings came and were answered. Raises: GeneratorFailed if a tab is lost."""
        self._generator.tell(f"idle {seconds}")
        return int(self._generator.expect("idled"))

    def run(self, messages_per_s: int, seconds: float, patience_s: float = _PATIENCE_S) -> StreamResult:
        """Publish at a fixed rate over all topics.

        Ends when all has arrived, when nothing has for ``patience_s`` after the last tick, and at the latest three
        times that after it. Raises: GeneratorFailed.
        """
        self._generator.tell(f"run {messages_per_s} {seconds} {patience_s}")
        return parse_result(self._generator.expect("result"))


@contextmanager
def run_stream_load(program: Path, port: int, tabs: Path, backends: Backends, core: int) -> Iterator[StreamLoad]:
    """Start ``program`` (``stream_load``, built) pinned to ``core``; it is stopped when the block ends.

    ``tabs`` is a file of ``tab_lines``. Raises: GeneratorFailed when it cannot be used.
    """
    text, counter_at, topic_at = message_text(backends.text, secrets.token_hex(4))
    numbers = map(str, (backends.topics, backends.count, backends.tick_us, backends.max_batch))
    head = publish_head(port, backends.token)
    texts = [head, text, str(counter_at), str(topic_at)]
    command = [str(program), str(port), handshake_head(port), str(tabs), *numbers, *texts]
    with start_generator(command, core, _STEP_S) as generator:
        generator.expect("ready")
        yield StreamLoad(generator)
