"""The command line of ``bench.scale_out``. Owns no state."""

import argparse

from bench.outputs import add_outputs
from bench.scale_buses import BUSES

__all__ = ["make_parser"]


def make_parser(description: str) -> argparse.ArgumentParser:
    """The options of the program, checked; ``--buses`` becomes a list of names, each once."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale_out", description=description)
    parser.add_argument("--buses", type=_buses, default=list(BUSES), help=f"of {','.join(BUSES)}")
    parser.add_argument("--subscribers", type=_positive, default=1000, help="when deliveries are counted")
    parser.add_argument("--seconds", type=_positive, default=5, help="of each window")
    parser.add_argument("--clients", type=_positive, default=2000, help="of each storm")
    parser.add_argument("--rounds", type=_positive, default=3)
    add_outputs(parser, "scale_out")
    return parser


def _buses(text: str) -> list[str]:
    names = list(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in BUSES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there is {', '.join(BUSES)}")
    return names


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 60_000:
        raise argparse.ArgumentTypeError(f"{text}: must be 1 to 60000")
    return value
