"""Owns how a configuration is put together: flags, then environment, then one TOML file, then defaults.

Whatever is wrong in any of them is collected, so that one run names every problem.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from server.config import Config, TopicConfig
from server.config_keys import (
    ENVIRONMENT_PREFIX,
    FLAG_ONLY,
    environment_name,
    keys_of,
    nearest_key,
    path_of,
    setting_for,
)
from server.config_rules import broken_rules
from server.settings import SECTIONS, broken_by, parsed, stored

__all__ = ["ConfigError", "LoadedConfig", "Problem", "load_config"]

_FLAG_NAMES = {"bus.url": "--bus", "statsd.host": "--statsd", "statsd.port": "--statsd"}
_DEVELOPMENT = {"auth.mode": "disabled", "log.format": "text"}  # what --dev means where nothing else was said
_FLAG_ONLY_RULE = "is not a setting; start with the flag --dev instead"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: the key (empty for a whole file), the rule it breaks, and where it was given."""

    key: str
    rule: str
    source: str
    suggestion: str | None = None

    def __str__(self) -> str:
        where = f"{self.key} ({self.source})" if self.key else self.source
        hint = "" if self.suggestion is None else f"; did you mean {self.suggestion}?"
        return _one_line(f"{where}: {self.rule}{hint}")


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` has every reason, the text one line for each."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration that obeys every rule, and for each key (``server.port``) where its value is from."""

    config: Config
    sources: Mapping[str, str]


class _Given(NamedTuple):
    value: Any
    source: str


@dataclass(slots=True)
class _Draft:
    """What was accepted and what was found wrong so far, while one configuration is put together."""

    accepted: dict[str, _Given] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def take(self, key: str, value: object, source: str) -> None:
        """Accept a value, replacing the one of an earlier source, or note why it cannot be."""
        setting = setting_for(key)
        if setting is None:
            self.refuse(key, "unknown key", source, nearest_key(key))
        elif (rule := broken_by(value, setting)) is not None:
            self.refuse(key, rule, source)
        else:
            self.accepted[key] = _Given(stored(value, setting), source)

    def refuse(self, key: str, rule: str, source: str, suggestion: str | None = None) -> None:
        self.problems.append(Problem(key, rule, source, suggestion))

    def source_of(self, key: str) -> str:
        if key in self.accepted:
            return self.accepted[key].source
        return self.namespaces.get(key.removeprefix("topics."), "default")


def load_config(flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None) -> LoadedConfig:
    """The configuration that flags, environment and file give together, the first of them winning.

    ``flags`` maps dotted keys to values, ``{"server.port": 8080}``; None means not given. Only the variables
    of ``environ`` that begin with ``FANWIRE_`` are read. ``file`` is a TOML file, or None for no file.

    Raises:
        ConfigError: with every problem found in any of the three.
    """
    draft = _Draft()
    if file is not None:
        _read_file(file, draft)
    _read_environment(environ, draft)
    _read_flags(flags, draft)
    config = _built(draft)
    draft.problems.extend(_rule_problems(config, draft))
    if draft.problems:
        raise ConfigError(draft.problems)
    return LoadedConfig(config, MappingProxyType({key: draft.source_of(key) for key in keys_of(config)}))


def _read_file(file: Path, draft: _Draft) -> None:
    source = f"file {file}"
    try:
        tree = tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError:
        draft.refuse("", "no such file; give --config the path of one, or leave it away", source)
    except OSError as error:
        draft.refuse("", f"cannot be read: {error.strerror}; check its path and its permissions", source)
    except UnicodeDecodeError as error:
        draft.refuse("", f"is not UTF-8 at byte {error.start}; save it as UTF-8", source)
    except (ValueError, RecursionError) as error:
        # ValueError: TOMLDecodeError, which says the line, and integers longer than Python converts.
        draft.refuse("", f"is not TOML: {error}", source)
    else:
        _read_tree(tree, source, draft)


def _read_tree(tree: Mapping[str, object], source: str, draft: _Draft) -> None:
    for section, body in tree.items():
        if section not in SECTIONS and section != "topics":
            draft.refuse(section, "unknown section", source, nearest_key(section))
        elif not isinstance(body, dict):
            draft.refuse(section, f"must be a table: [{section}]", source)
        elif section == "topics":
            _read_topics(body, source, draft)
        else:
            _read_section(section, body, source, draft)


def _read_topics(namespaces: Mapping[str, object], source: str, draft: _Draft) -> None:
    for namespace, body in namespaces.items():
        prefix = f"topics.{namespace}"
        if isinstance(body, dict):
            draft.namespaces[namespace] = source
            _read_section(prefix, body, source, draft)
        else:
            draft.refuse(prefix, f"must be a table: [{prefix}]", source)


def _read_section(prefix: str, body: Mapping[str, object], source: str, draft: _Draft) -> None:
    for name, value in body.items():
        key = f"{prefix}.{name}"
        if key == FLAG_ONLY:
            draft.refuse(key, _FLAG_ONLY_RULE, source)
        elif "." in name:
            # Joined to its prefix, a quoted name with a dot could pass for a setting of another namespace.
            draft.refuse(key, "unknown key", source)
        else:
            draft.take(key, value, source)


def _read_environment(environ: Mapping[str, str], draft: _Draft) -> None:
    for variable, text in environ.items():
        if variable.startswith(ENVIRONMENT_PREFIX):
            _read_variable(variable, text, draft)


def _read_variable(variable: str, text: str, draft: _Draft) -> None:
    source = f"environment {variable}"
    key = _key_of_variable(variable)
    if key == FLAG_ONLY:
        draft.refuse(key, _FLAG_ONLY_RULE, source)
    elif (setting := setting_for(key)) is None or environment_name(key) != variable:
        nearest = nearest_key(key)
        draft.refuse(key, "unknown variable", source, None if nearest is None else environment_name(nearest))
    else:
        if key.startswith("topics."):
            draft.namespaces.setdefault(path_of(key)[1], source)
        draft.take(key, parsed(text, setting), source)


def _key_of_variable(variable: str) -> str:
    section, _, rest = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
    if section == "topics":
        namespace, _, name = rest.rpartition("__")
        return f"topics.{namespace}.{name}"
    return f"{section}.{rest}" if rest else section


def _read_flags(flags: Mapping[str, object], draft: _Draft) -> None:
    for key, value in flags.items():
        # A switch that was not given is False, not None.
        if value is not None and value is not False:
            setting = setting_for(key)
            draft.take(key, parsed(value, setting) if isinstance(value, str) and setting else value, _flag_source(key))
    if flags.get(FLAG_ONLY) is True:
        for key, value in _DEVELOPMENT.items():
            if key not in draft.accepted:
                draft.take(key, value, _flag_source(FLAG_ONLY))


def _flag_source(key: str) -> str:
    name = key.rpartition(".")[2].replace("_", "-")
    return f"flag {_FLAG_NAMES.get(key, f'--{name}')}"


def _built(draft: _Draft) -> Config:
    sections = {name: section(**_values_of(name, draft)) for name, section in SECTIONS.items()}
    topics = {name: TopicConfig(**_values_of(f"topics.{name}", draft)) for name in draft.namespaces}
    return Config(**sections, topics=MappingProxyType(topics))


def _values_of(prefix: str, draft: _Draft) -> dict[str, Any]:
    split = ((key.rpartition("."), given.value) for key, given in draft.accepted.items())
    return {name: value for (owner, _, name), value in split if owner == prefix}


def _rule_problems(config: Config, draft: _Draft) -> list[Problem]:
    """The broken rules, less those about a key that is wrong by itself: they would judge its default."""
    wrong = {problem.key for problem in draft.problems}
    return [
        Problem(keys[0], rule, draft.source_of(keys[0]))
        for keys, rule in broken_rules(config)
        if wrong.isdisjoint(keys)
    ]


def _one_line(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]
