"""``fanwire check-config``: every effective setting with its source, or everything that is wrong."""

import argparse
import os
from collections.abc import Sequence

from server.cli.configuration import load
from server.cli.exit_codes import CommandFailed, ExitCode
from server.cli.try_out import fault_of
from server.config_shown import describe

__all__ = ["aligned", "configure", "run"]

_DESCRIPTION = """\
Put the configuration together as `fanwire serve` would, from the environment and FILE, and print every
setting with its value and where that comes from; secrets are masked. Nothing is started."""

_EXAMPLES = """\
examples:
  fanwire check-config fanwire.toml
  FANWIRE_AUTH__MODE=disabled fanwire check-config

exit codes: 0 it can be used; 3 it cannot, with every problem on stderr"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", nargs="?", help="a TOML file (default: environment and defaults alone)")


def run(arguments: argparse.Namespace) -> int:
    loaded = load({}, os.environ, arguments.file)
    fault = fault_of(loaded.config)
    if fault is not None:
        raise CommandFailed(ExitCode.CONFIG, f"the configuration cannot be used:\n  {fault}")
    for line in aligned(describe(loaded)):
        print(line)
    return ExitCode.OK


def aligned(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """One line per row, ``key = value``, and the source in a column of its own, behind a #."""
    settings = [f"{key} = {value}" for key, value, _ in rows]
    # One very long value must not push every source off the screen.
    width = max((len(setting) for setting in settings if len(setting) <= 60), default=0)
    return [f"{setting:<{width}}  # {source}" for setting, (_, _, source) in zip(settings, rows, strict=True)]
