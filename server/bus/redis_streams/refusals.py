"""What Redis says when it does not store, in the words that a publisher gets. Pure."""

from redis.exceptions import RedisError

from actors.ports import BusUnavailable
from server.bus import refusals

__all__ = ["STORE", "gone", "refusal_of"]

STORE = "Redis"
RETRY_LATER_S = 5

# The first word of an error says which it is; redis-py takes some of them away and has a class instead.
_RULES = {
    "OOM": "Redis is out of memory (maxmemory)",
    "OutOfMemoryError": "Redis is out of memory (maxmemory)",
    "MISCONF": "Redis cannot write to its disk (MISCONF)",
    "READONLY": "this Redis is a replica (READONLY)",
    "ReadOnlyError": "this Redis is a replica (READONLY)",
    "NOREPLICAS": "too few replicas of Redis are there (NOREPLICAS)",
    "LOADING": "Redis is loading its data",
    "BusyLoadingError": "Redis is loading its data",
    "NOPERM": "the Redis user may not do this (NOPERM)",
    "NoPermissionError": "the Redis user may not do this (NOPERM)",
    "NOAUTH": "Redis wants a password (NOAUTH)",
    "BUSY": "Redis is busy with a script (BUSY)",
    "MASTERDOWN": "this replica has lost its master (MASTERDOWN)",
    "ClusterDownError": "the Redis Cluster is down",
    "MovedError": "this Redis Cluster node has not this topic's slot (MOVED)",
}


def refusal_of(error: RedisError) -> BusUnavailable:
    """Redis has answered: nothing was stored."""
    text = str(error)
    for sign, rule in _RULES.items():
        if type(error).__name__ == sign or text.startswith(sign + " ") or f" {sign} " in text[:80]:
            return BusUnavailable(f"bus: {rule}", RETRY_LATER_S)
    return BusUnavailable(f"bus: Redis refused: {text[:100]}", RETRY_LATER_S)


def gone(why: str) -> BusUnavailable:
    """There is nobody to ask: nothing was stored."""
    return refusals.gone(STORE, why)
