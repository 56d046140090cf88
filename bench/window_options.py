"""The options that programs of rounds and windows share, and numbers that are checked. Owns no state."""

import argparse
from collections.abc import Callable

from bench.outputs import add_outputs

__all__ = ["numbers_up_to", "up_to", "window_parser"]


def window_parser(program: str, description: str, seconds: float, rounds: int) -> argparse.ArgumentParser:
    """Knows --rounds, --seconds (their defaults are ``rounds`` and ``seconds``) and the options of ``outputs.py``."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{program}", description=description)
    parser.add_argument("--rounds", type=up_to(1000), default=rounds)
    parser.add_argument("--seconds", type=_seconds, default=seconds, help="of each window")
    add_outputs(parser, program)
    return parser


def up_to(most: int) -> Callable[[str], int]:
    """Reads a whole number from 1 to ``most``."""

    def number(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{text}: must be 1 to {most}")
        return value

    return number


def numbers_up_to(most: int) -> Callable[[str], list[int]]:
    """Reads whole numbers from 1 to ``most``, separated by commas, each once and in ascending order."""
    read = up_to(most)

    def numbers(text: str) -> list[int]:
        return sorted({read(part) for part in text.split(",")})

    return numbers


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text}: must be above 0, and at most 3600")
    return value
