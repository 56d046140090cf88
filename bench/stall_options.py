"""The command line of ``bench.slow_clients``. Owns no state."""

import argparse
from collections.abc import Callable, Collection

from bench.outputs import add_outputs
from bench.stall_subjects import POLICIES

__all__ = ["COMPARED", "make_parser"]

COMPARED = ("fanwire", "fastapi", "websockets", "tornado", "picows", "uwebsockets", "nchan", "ws", "socketio")


def make_parser(description: str) -> argparse.ArgumentParser:
    """The options of the program; lists come out as lists, rates from high to low, shares with 0 among them."""
    parser = argparse.ArgumentParser(prog="python -m bench.slow_clients", description=description)
    parser.add_argument("--subscribers", type=_positive, default=1000)
    parser.add_argument("--stalled", type=_percentages, default=[0, 10, 50], metavar="N,N", help="per cent")
    parser.add_argument("--seconds", type=_length, default=10.0, help="length of one window")
    parser.add_argument("--rounds", type=_positive, default=3)
    parser.add_argument("--rates", type=_numbers, default=[200, 100, 50, 25, 10, 5], metavar="N,N")
    parser.add_argument("--servers", type=_among(COMPARED), default=["fanwire", "fastapi"], metavar="A,B")
    parser.add_argument("--policy", type=_among(POLICIES), default=["disconnect"], metavar="A,B")
    add_outputs(parser, "slow_clients")
    return parser


def _numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text}: each number must be 1 or more")
    return sorted(numbers, reverse=True)


def _percentages(text: str) -> list[int]:
    shares = sorted({int(part) for part in text.split(",")} | {0})
    if not 0 <= shares[0] <= shares[-1] < 100:
        raise argparse.ArgumentTypeError(f"{text}: each share must be 0 to 99 per cent")
    return shares


def _positive(text: str) -> int:
    return _numbers(text)[0]


def _length(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text}: must be above 0 and at most 600 seconds")
    return seconds


def _among(known: Collection[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        asked = text.split(",")
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: unknown, choose from {', '.join(known)}")
        return asked

    return names
