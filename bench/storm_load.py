"""The words spoken with ``peers/storm_load.c``: clients come back all at once, and are aborted all at once.

A client's time goes from the beginning of the storm to its last missed message, so that one that has to wait for its
place among the handshakes in flight is charged with that wait (coordinated omission). Every client is counted.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.dialogue import ID_PREFIX
from bench.generator import Generator, start_generator
from bench.storm_dialogue import Resume, handshake_head

__all__ = ["StormLoad", "StormResult", "run_storm_load"]

# The whole of a storm, and the part of it in which nothing happens.
_STEP_S = 600.0
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class StormResult:
    """What one storm gave: ``clients`` are live, ``replayed`` messages have come, each once and in order.

    ``wall_s`` ends when the last is live; ``histogram`` has pairs of [highest µs of a slot, clients in it], ascending.
    """

    clients: int
    replayed: int
    wall_s: float
    generator_cpu_s: float
    histogram: Sequence[Sequence[int]]

    @property
    def due(self) -> int:
        """How many times the histogram should hold: one for each client."""
        return self.clients


class StormLoad:
    """One load generator and the clients that it knows."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def storm(self, count: int, in_flight: int, patience_s: float = _PATIENCE_S) -> StormResult:
        """Let the first ``count`` clients come back, at most ``in_flight`` of them on their way at any time.

        They stay connected. Raises: GeneratorFailed when a client is refused, is not recovered or misses a message,
        or when nobody has become live for ``patience_s``.
        """
        self._generator.tell(f"storm {count} {in_flight} {patience_s}")
        return StormResult(**json.loads(self._generator.expect("result")))

    def abort(self) -> float:
        """Reset all connections; returns the seconds that it took to do so. Raises: GeneratorFailed."""
        self._generator.tell("abort")
        return float(self._generator.expect("aborted"))


@contextmanager
def run_storm_load(program: Path, port: int, resume: Resume, clients: Path, core: int) -> Iterator[StormLoad]:
    """Start ``program`` (``storm_load``, built) pinned to ``core``; it is stopped when the block ends.

    ``clients`` is a file of ``client_lines``. Raises: GeneratorFailed when it cannot be used.
    """
    numbers = [str(port), str(resume.topics), str(resume.rooms), str(resume.missed)]
    command = [str(program), *numbers, ID_PREFIX, handshake_head(port), str(clients)]
    with start_generator(command, core, _STEP_S) as generator:
        generator.expect("ready")
        yield StormLoad(generator)
