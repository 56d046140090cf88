"""What a gateway of a test is told, by dotted keys (``{"mailbox.messages": 5}``), and the presets. Pure."""

from collections.abc import Mapping

from server.config_keys import environment_name
from server.config_sources import LoadedConfig, load_config

__all__ = ["QUIET", "STRICT", "Settings", "environment_of", "loaded_from"]

Settings = Mapping[str, object]

# A connection's first ping comes at a random moment of the interval: in none of the tests but those about it.
QUIET: Settings = {"heartbeat.interval_s": 1e6, "heartbeat.timeout_s": 2e6}

# Bounds so small that an application which leans on large ones meets them in its tests, and not in production.
STRICT: Settings = {
    "server.max_frame_bytes": 4096,
    "limits.connections": 20,
    "limits.connections_per_user": 3,
    "limits.topics_per_client": 5,
    "limits.topics": 50,
    "limits.client_messages_per_s": 10.0,
    "mailbox.messages": 16,
    "mailbox.bytes": 16_384,
    "mailbox.topic_messages": 64,
    "history.messages": 32,
}


def loaded_from(settings: Settings) -> LoadedConfig:
    """Raises: ConfigError, which names the key and the nearest known one."""
    # Those of a namespace have no flag.
    flags = {key: value for key, value in settings.items() if not key.startswith("topics.")}
    rest = {key: value for key, value in settings.items() if key not in flags}
    return load_config(flags, environment_of(rest), None)


def environment_of(settings: Settings) -> dict[str, str]:
    """``settings`` as the variables that would set them."""
    return {
        environment_name(key): ",".join(value) if isinstance(value, list | tuple) else str(value)
        for key, value in settings.items()
    }
