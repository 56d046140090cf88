"""What a configuration's parts find wrong with it when they are made: files with keys, the URL of a bus."""

from server.authentication import authenticator_of
from server.bus.from_config import BadBus, bus_from
from server.clock import LoopClock
from server.config import Config
from server.signing_keys import BadKey

__all__ = ["fault_of"]


def fault_of(config: Config) -> str | None:
    """Why ``fanwire serve`` would refuse ``config`` though it obeys every rule; connects to nothing."""
    try:
        authenticator_of(config.auth)
        bus_from(config, LoopClock())
    except (BadKey, BadBus) as fault:
        return str(fault)
    return None
