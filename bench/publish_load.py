"""The words spoken with ``peers/publish_load.c``: connections that publish over HTTP in a closed loop, timed twice.

From sending a request to its whole answer, and to the arrival of each of its messages at the subscriber.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.generator import Generator, start_generator
from bench.storm_dialogue import handshake_head
from bench.stream_dialogue import message_text, publish_head

__all__ = ["PublishLoad", "PublishResult", "Times", "run_publish_load"]

_STEP_S = 60.0


@dataclass(frozen=True, slots=True)
class Times:
    """What was timed, so that quantiles can be taken: pairs of [highest µs of a slot, how many in it], ascending."""

    histogram: Sequence[Sequence[int]]

    @property
    def due(self) -> int:
        """As many as came: a closed loop waits for all."""
        return sum(count for _, count in self.histogram)


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What one window gave: ``messages`` were published, ``refused`` of them not taken, ``received`` have arrived."""

    messages: int
    refused: int
    received: int
    wall_s: float
    generator_cpu_s: float
    answers: Sequence[Sequence[int]]
    deliveries: Sequence[Sequence[int]]


class PublishLoad:
    """One load generator with its connections."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def begin(self, batch: int, warm_up_s: float, seconds: float) -> None:
        """Connect, publish for ``warm_up_s``, and wait until nothing is on its way. Raises: GeneratorFailed."""
        self._generator.tell("connect")
        self._generator.expect("connected")
        self._generator.tell(f"run {batch} {warm_up_s} {seconds}")
        self._generator.expect("begin")

    def run(self) -> None:
        """The window; returns when all is answered and has arrived. Raises: GeneratorFailed."""
        self._generator.tell("go")
        self._generator.expect("end")

    def result(self) -> PublishResult:
        """What the window gave. Raises: GeneratorFailed."""
        return PublishResult(**json.loads(self._generator.expect("result")))


@contextmanager
def run_publish_load(
    program: Path, port: int, tabs: Path, in_flight: int, text: str, token: str, core: int
) -> Iterator[PublishLoad]:
    """Start ``program`` (``publish_load``, built) pinned to ``core``; it is stopped when the block ends.

    ``tabs`` is a file with at most one of ``tab_lines``. Raises: GeneratorFailed when it cannot be used.
    """
    message, counter_at, topic_at = message_text(text, secrets.token_hex(4))
    texts = [publish_head(port, token), message, str(counter_at), str(topic_at)]
    command = [str(program), str(port), handshake_head(port), str(tabs), str(in_flight), *texts]
    with start_generator(command, core, _STEP_S) as generator:
        generator.expect("ready")
        yield PublishLoad(generator)
