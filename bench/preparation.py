"""What a program needs before it measures: a load generator, enough descriptors, and the machine in words."""

import os
from collections.abc import Mapping
from pathlib import Path

from bench.attempts import say
from bench.cells import GENERATOR_CORE, SERVER_CORE
from bench.machine import describe_machine, raise_descriptor_limit
from bench.native import build
from bench.record import read_git_state
from bench.servers import Unavailable

__all__ = ["describe_setup", "require_descriptors", "require_program"]

# Descriptors that the server or the generator needs besides one per connection.
_SPARE_DESCRIPTORS = 200


def require_program(name: str) -> Path:
    """The load generator ``bench/peers/NAME.c``, built. Raises: Unavailable where there is no compiler."""
    program = build(name)
    if program is None:
        raise Unavailable("load generator", "no C compiler, and in Python it would measure itself: install gcc")
    return program


def require_descriptors(connections: int) -> None:
    """Raise the limit as far as it goes. Raises: Unavailable where it does not go as far as ``connections``."""
    descriptors = raise_descriptor_limit()
    if connections + _SPARE_DESCRIPTORS > descriptors:
        reason = f"{connections} do not fit RLIMIT_NOFILE, {descriptors}; raise the hard limit first"
        raise Unavailable("connections", reason)


def describe_setup() -> Mapping[str, object]:
    """The machine, the state of the sources, and whether server and load generator have a core each."""
    pinned = {SERVER_CORE, GENERATOR_CORE} <= os.sched_getaffinity(0)
    if not pinned:
        say("NOT PINNED: fewer than two cores; server and load generator share what there is")
    return describe_machine() | {"source": read_git_state(), "pinned": pinned}
