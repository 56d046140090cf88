"""The effective configuration as people are shown it: each key, its value, where that is from; no secret. Pure."""

import json
import re

from server.config import Config
from server.config_keys import keys_of, path_of
from server.config_sources import LoadedConfig

__all__ = ["describe"]

_MASK = "********"
_URL_KEYS = ("bus.url", "auth.jwks_url")
# Greedy up to the last "@": a password may hold "/" and "@" that should have been percent-encoded.
_URL_SECRETS = re.compile(r"(?<=//).*(?=@)|(?<=[?&]password=)[^&]*")


def describe(loaded: LoadedConfig) -> list[tuple[str, str, str]]:
    """Every key with its value as text and its source, secrets masked, in the order of the catalogue.

    A ``Config`` that was made by hand, without ``sources``, is from its program.
    """
    sources, config = loaded.sources, loaded.config
    return [(key, _shown(key, _value_of(config, key)), sources.get(key, "program")) for key in keys_of(config)]


def _value_of(config: Config, key: str) -> object:
    section, *namespace, name = path_of(key)
    owner = config.topics[namespace[0]] if namespace else getattr(config, section)
    return getattr(owner, name)


def _shown(key: str, value: object) -> str:
    if value is None:
        return "unset"
    if key == "auth.secret":
        return _MASK
    if not isinstance(value, str):
        return json.dumps(value)
    return _URL_SECRETS.sub(_MASK, value) if key in _URL_KEYS else value
