"""The command line of ``bench.reconnect_storm``. Owns no state."""

import argparse
from collections.abc import Callable

from bench.outputs import add_outputs

__all__ = ["ROOMS", "make_parser", "sizes_of"]

ROOMS = 100
# The load generator keeps the place of a client in each of its topics; a batch to publish has at most 64 KiB.
_MOST_TOPICS, _MOST_MISSED = 20, 200
# The gateway's accept backlog is far longer, so that no handshake is lost to a full one and tried again a second later.
_MOST_IN_FLIGHT = 2000
_MOST_CLIENTS = 60_000


def make_parser(description: str) -> argparse.ArgumentParser:
    """The options of the program, checked."""
    parser = argparse.ArgumentParser(prog="python -m bench.reconnect_storm", description=description)
    parser.add_argument("--clients", type=_up_to(_MOST_CLIENTS), default=10_000)
    parser.add_argument("--rounds", type=_up_to(1000), default=3)
    parser.add_argument("--topics", type=_up_to(_MOST_TOPICS), default=1, help="that a client subscribes to")
    parser.add_argument("--missed", type=_up_to(_MOST_MISSED), default=3, help="messages behind, on each topic")
    parser.add_argument("--in-flight", type=_up_to(_MOST_IN_FLIGHT), default=256, help="on their way at any time")
    add_outputs(parser, "reconnect_storm")
    return parser


def sizes_of(clients: int) -> list[int]:
    """The sizes at which a storm is measured: a quarter, a half and all of ``clients``; those that are equal, once."""
    return sorted({max(1, clients // 4), max(1, clients // 2), clients})


def _up_to(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{text}: must be 1 to {most}")
        return value

    return number
