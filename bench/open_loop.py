"""The open-loop measurement: messages are published when they are due, whatever became of those before.

Owns the words spoken with ``peers/open_load.c``. A latency goes from the time at which a publish was *due* to the
arrival at one subscriber, so that a server that stalls is charged for the messages that waited meanwhile
(coordinated omission). Every delivery is counted, in slots 1/64 of their value wide; none is sampled.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.dialects import ENVELOPES, Dialect
from bench.dialogue import counter_offset
from bench.generator import Generator, start_generator

__all__ = ["OpenLoad", "OpenLoopResult", "Stalls", "Timed", "name_fate", "quantile_ms", "run_open_load"]

_SPARE_S = 60.0
_FATES_S = 4.0
_FATES = {0: f"no end within {_FATES_S:g} s", 1: "ended without a code", 2: "reset"}


@dataclass(frozen=True, slots=True)
class Stalls:
    """The subscribers of a run: ``healthy`` ones that read, ``stalled`` ones that never do."""

    healthy: int
    stalled: int


@dataclass(frozen=True, slots=True)
class OpenLoopResult:
    """What one run at a fixed rate gave, over the healthy subscribers.

    ``due`` and ``received`` count deliveries; ``disordered`` those that came after a later message, or twice;
    ``refused`` publishes answered by an error; ``healthy_ended`` healthy subscribers that lost their connection;
    ``publisher_ended`` 0, or how the publisher's connection ended (as ``name_fate`` reads it); ``unsent`` messages
    that the server did not take from the publisher; ``late_us`` the most by which the generator itself was late;
    ``histogram`` pairs of [highest µs of a slot, deliveries in it], ascending.
    """

    due: int
    received: int
    disordered: int
    refused: int
    healthy_ended: int
    publisher_ended: int
    unsent: int
    late_us: int
    last_delivery_s: float
    wall_s: float
    generator_cpu_s: float
    histogram: Sequence[Sequence[int]]


class Timed(Protocol):
    """What has quantiles: how much was ``due``, and pairs of [highest µs of a slot, how much in it], ascending."""

    @property
    def due(self) -> int: ...

    @property
    def histogram(self) -> Sequence[Sequence[int]]: ...


class OpenLoad:
    """One open-loop load generator, with its connections to one server."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def connect(self) -> float:
        """Connect everyone; returns the seconds it took. Raises: GeneratorFailed."""
        self._generator.expect("publisher")
        self._generator.tell("go")
        return float(self._generator.expect("connected"))

    def run(self, rate: int, messages: int, patience_s: float) -> OpenLoopResult:
        """Publish ``messages`` at ``rate`` per second.

        Ends when all has arrived, when nothing has for ``patience_s`` after the last publish, and at the latest
        three times that after it. Raises: GeneratorFailed.
        """
        self._generator.tell(f"run {rate} {messages} {patience_s}")
        return OpenLoopResult(**json.loads(self._generator.expect("result")))

    def fates(self) -> dict[str, int]:
        """Read the stalled connections, at last, for up to 4 s: how many ended in which way.

        Raises: GeneratorFailed.
        """
        self._generator.tell(f"fates {_FATES_S}")
        counted = json.loads(self._generator.expect("fates"))
        return {name_fate(int(fate)): count for fate, count in counted.items()}


def name_fate(fate: int) -> str:
    """The words for how a connection ended: the close code where there was one."""
    return _FATES.get(fate, str(fate))


def quantile_ms(result: Timed, share: float) -> float | None:
    """The latency in ms within which ``share`` (0 to 1) of everything that was due arrived.

    None where that many never arrived: what is missing ranks behind everything that came.
    """
    rank = max(1, round(share * result.due))
    for highest_us, count in result.histogram:
        rank -= count
        if rank <= 0:
            return highest_us / 1000
    return None


@contextmanager
def run_open_load(
    program: Path,
    port: int,
    stalls: Stalls,
    publish: str,
    core: int,
    longest_run_s: float,
    dialect: Dialect = ENVELOPES,
) -> Iterator[OpenLoad]:
    """Start ``program`` (``open_load``, built) pinned to ``core``; it is stopped when the block ends."""
    numbers = [str(port), str(stalls.healthy), str(stalls.stalled)]
    wrapped = dialect.wrap(publish)
    said = [dialect.subscriber_handshake(port), dialect.subscribe, dialect.publisher_handshake(port), dialect.greeting]
    texts = [wrapped, str(counter_offset(wrapped)), *said]
    with start_generator([str(program), *numbers, *texts], core, longest_run_s + _SPARE_S) as generator:
        yield OpenLoad(generator)
