"""How far a client is behind by its own word. Pure: positions are µs of the bus, so their difference is time."""

from collections.abc import Callable, Mapping

from actors.protocol.envelope import Seq, TopicName

__all__ = ["ack_lag_s"]


def ack_lag_s(acknowledged: Mapping[TopicName, Seq], top_of: Callable[[TopicName], Seq]) -> float | None:
    """Seconds from what it has acknowledged to the top of that topic, where that is most; None where it never has."""
    if not acknowledged:
        return None
    return max(top_of(topic) - seq for topic, seq in acknowledged.items()) / 1e6
