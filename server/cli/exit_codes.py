"""What the process says to the shell when it ends, and the one exception that carries it there."""

from enum import IntEnum

__all__ = ["CommandFailed", "ExitCode"]


class ExitCode(IntEnum):
    """The same for every command; scripts rely on them."""

    OK = 0
    USAGE = 2
    CONFIG = 3
    DENIED = 4
    UNREACHABLE = 5
    CHECK_FAILED = 6


class CommandFailed(Exception):
    """A command cannot go on: ``message`` says what is wrong and what to do next, in words for a person."""

    def __init__(self, exit_code: ExitCode, message: str) -> None:
        super().__init__(exit_code, message)
        self.exit_code = exit_code
        self.message = message

    def __str__(self) -> str:
        return self.message
