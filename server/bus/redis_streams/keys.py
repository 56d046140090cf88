"""What the bus keeps where in Redis. The braces make all keys of one topic one slot of a Redis Cluster."""

from actors.protocol.envelope import TopicName, TraceId

__all__ = ["Keys"]


class Keys:
    """The names that begin with ``prefix``; docs/bus.md lists them, and the ACL that allows them."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.epoch = f"{prefix}:epoch"
        self.any_channel = f"{prefix}:"
        """Every worker listens there, to no messages: it shows at once whether channels are allowed."""

    def stream(self, topic: TopicName) -> str:
        return f"{self.prefix}:{{{topic}}}:stream"

    def top(self, topic: TopicName) -> str:
        return f"{self.prefix}:{{{topic}}}:top"

    def id(self, topic: TopicName, trace_id: TraceId) -> str:
        return f"{self.prefix}:{{{topic}}}:id:{trace_id}"

    def channel(self, topic: TopicName) -> str:
        return f"{self.prefix}:{{{topic}}}"

    def topic_of(self, channel: str) -> TopicName | None:
        """The topic whose channel that is."""
        name = channel.removeprefix(f"{self.prefix}:{{")
        return TopicName(name[:-1]) if name != channel and name.endswith("}") else None
