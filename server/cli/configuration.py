"""How commands come to a configuration: what they read, and how they fail when it is wrong."""

from collections.abc import Mapping
from pathlib import Path

from server.cli.exit_codes import CommandFailed, ExitCode
from server.config_sources import ConfigError, LoadedConfig, load_config

__all__ = ["load", "setting_variables"]

# These say where a gateway is, to the commands that talk to one; they configure none.
_CLIENT_VARIABLES = frozenset({"FANWIRE_URL", "FANWIRE_TOKEN"})


def load(flags: Mapping[str, object], environ: Mapping[str, str], file: str | None) -> LoadedConfig:
    """The configuration of a gateway started with these.

    Raises: CommandFailed (3) with every problem, one line each.
    """
    try:
        return load_config(flags, setting_variables(environ), None if file is None else Path(file))
    except ConfigError as error:
        raise CommandFailed(ExitCode.CONFIG, f"the configuration cannot be used:\n{_indented(error)}") from None


def setting_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` without the variables that are for ``fanwire publish`` and ``fanwire tail``."""
    return {name: value for name, value in environ.items() if name not in _CLIENT_VARIABLES}


def _indented(error: ConfigError) -> str:
    return "\n".join(f"  {problem}" for problem in error.problems)
