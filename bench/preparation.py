"""What a program needs before it measures: a load generator, and enough descriptors."""

from pathlib import Path

from bench.machine import raise_descriptor_limit
from bench.native import build
from bench.servers import Unavailable

__all__ = ["require_descriptors", "require_program"]

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
