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
    if config.bus.kind == "memory":
        return MemoryBus(clock)
    try:
        from server.bus.redis_streams.bus import RedisBus
    except ModuleNotFoundError as missing:
        raise BadBus(f"bus.url: {missing.name} is not installed; run: pip install 'fanwire[redis]'") from None

    def bounds_of(topic: TopicName) -> HistoryConfig:
        return config.history_for(namespace_of(topic))

    try:
        return RedisBus(config.bus.url, config.bus.prefix, bounds_of)
    except (ValueError, TypeError) as flaw:
        raise BadBus(f"bus.url: {flaw}") from None
