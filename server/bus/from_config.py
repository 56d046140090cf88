"""The bus that a configuration names."""

from actors.ports import Bus, Clock
from actors.protocol.envelope import TopicName, namespace_of
from server.bus.memory import MemoryBus
from server.config import Config, HistoryConfig

__all__ = ["BadBus", "bus_from"]


class BadBus(Exception):
    """The bus of the configuration cannot be made; the text says what to do."""


def bus_from(config: Config, clock: Clock) -> Bus:
    """Raises: BadBus."""
    try:
        match config.bus.kind:
            case "memory":
                return MemoryBus(clock)
            case "nats":
                return _jetstream(config)
            case _:
                return _redis(config)
    except ModuleNotFoundError as missing:
        raise BadBus(f"bus.url: {missing.name} is not installed; run: {_install(config.bus.kind)}") from None
    except (ValueError, TypeError):
        # Not the library's own words: they quote what it took for a port, which may be a password.
        rule = "cannot be read: scheme://user:password@host:port/…, user and password percent-encoded"
        raise BadBus(f"bus.url: {rule}") from None


def _install(extra: str) -> str:
    return f"pip install 'fanwire[{extra}]'"


def _redis(config: Config) -> Bus:
    from server.bus.redis_streams.bus import RedisBus

    return RedisBus(config.bus.url, config.bus.prefix, lambda topic: _bounds(config, topic))


def _jetstream(config: Config) -> Bus:
    from server.bus.jetstream.bus import JetStreamBus

    bounds, largest = (lambda topic: _bounds(config, topic)), config.largest_history
    return JetStreamBus(config.bus.url, config.bus.prefix, bounds, largest)


def _bounds(config: Config, topic: TopicName) -> HistoryConfig:
    return config.history_for(namespace_of(topic))
