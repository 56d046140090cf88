"""The dotted keys of the configuration (``server.port``, ``topics.thread.overflow``) and their spellings. Pure."""

import difflib

from server.config import Config
from server.settings import SECTIONS, SETTINGS, TOPIC_SETTINGS, Setting

__all__ = [
    "ENVIRONMENT_PREFIX",
    "FLAG_ONLY",
    "environment_name",
    "keys_of",
    "nearest_key",
    "path_of",
    "setting_for",
]

ENVIRONMENT_PREFIX = "FANWIRE_"
FLAG_ONLY = "server.dev"
_LONGEST_KEY_COMPARED = 100


def environment_name(key: str) -> str:
    """The variable that sets ``key``: ``server.port`` -> ``FANWIRE_SERVER__PORT``."""
    return ENVIRONMENT_PREFIX + "__".join(path_of(key)).upper()


def path_of(key: str) -> tuple[str, ...]:
    """Section and name, with the namespace between them where the section is ``topics``; a dot may be part of that."""
    section, _, rest = key.partition(".")
    if section != "topics":
        return section, rest
    namespace, _, name = rest.rpartition(".")
    return section, namespace, name


def setting_for(key: str) -> Setting | None:
    """The rule for the value of ``key``; None where there is no such key."""
    path = path_of(key)
    return TOPIC_SETTINGS.get(path[-1]) if len(path) == 3 else SETTINGS.get(key)


def keys_of(config: Config) -> list[str]:
    """Every key that ``config`` has a value for, in the order of the catalogue."""
    return [
        *SETTINGS,
        *(f"topics.{namespace}.{name}" for namespace in config.topics for name in TOPIC_SETTINGS),
    ]


def nearest_key(key: str) -> str | None:
    """The known key that ``key`` most likely means: a similar spelling, or the same name elsewhere."""
    path = path_of(key[:_LONGEST_KEY_COMPARED])
    if len(path) == 3:
        known = [".".join((*path[:2], name)) for name in TOPIC_SETTINGS]
    else:
        known = [*SECTIONS, "topics"] if path[1] == "" else [name for name in SETTINGS if name != FLAG_ONLY]
    similar = difflib.get_close_matches(".".join(path).rstrip("."), known, n=1)
    same_name = [name for name in SETTINGS if name.endswith(f".{path[-1] or path[0]}")]
    return next(iter([*similar, *same_name]), None)
