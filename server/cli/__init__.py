"""The command ``fanwire``: finds the command that was asked for, runs it, and turns failures into exit codes.

Only the module of that one command is imported: ``fanwire publish`` should not wait for Tornado.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from server.cli.exit_codes import CommandFailed, ExitCode

__all__ = ["COMMANDS", "main"]

COMMANDS: Mapping[str, str] = {
    "serve": "run the gateway",
    "publish": "publish one message",
    "tail": "follow topics in the terminal",
    "token": "sign a token for a user or a backend",
    "check-config": "show every setting and where it comes from, or everything wrong with it",
    "doctor": "look for what would keep a gateway from working here",
}

_EXAMPLES = """\
examples:
  fanwire serve --dev
  fanwire tail thread:demo
  fanwire publish thread:demo hello '{"text": "hi"}'

exit codes: 0 ok, 2 usage, 3 configuration, 4 denied, 5 unreachable, 6 a check failed"""


class Command(Protocol):
    """What each module of this package offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own arguments, description and examples."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; returns the exit code. Raises: CommandFailed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` (default: the process's own arguments) asks for; returns its exit code.

    Raises: SystemExit from argparse: 0 after ``--help``, 2 where the arguments are wrong.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser, command = _parser_for(words)
    arguments = parser.parse_args(words)
    if command is None:
        parser.print_help()
        return ExitCode.USAGE
    return _run(command, arguments)


def _parser_for(words: Sequence[str]) -> tuple[argparse.ArgumentParser, Command | None]:
    parser = argparse.ArgumentParser(
        prog="fanwire",
        description="A realtime gateway: backends publish to topics, browsers subscribe.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    chosen: Command | None = None
    for name, summary in COMMANDS.items():
        formatter = argparse.RawDescriptionHelpFormatter
        below = commands.add_parser(name, help=summary, formatter_class=formatter, allow_abbrev=False)
        if words and words[0] == name:
            chosen = _command(name)
            chosen.configure(below)
    return parser, chosen


def _command(name: str) -> Command:
    return cast(Command, importlib.import_module(f"server.cli.{name.replace('-', '_')}"))


def _run(command: Command, arguments: argparse.Namespace) -> int:
    try:
        code = command.run(arguments)
        # Here and not at exit: a reader that is gone should be noticed where it can be dealt with.
        sys.stdout.flush()
    except CommandFailed as failed:
        print(f"fanwire {arguments.command}: {failed}", file=sys.stderr)
        return failed.exit_code
    except BrokenPipeError:
        # `fanwire tail … | head -1` has what it wanted; Python's own flush at exit must find an open pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    return code
