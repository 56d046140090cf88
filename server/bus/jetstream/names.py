"""What the bus calls what in NATS: streams, and the subjects of topics. Pure.

A topic is one token of a subject. Everything that a topic may contain may stand in a token but the dot, which
is written as a comma: no topic contains one, so a subject has exactly one topic.
"""

from actors.protocol.envelope import TopicName, TraceId

__all__ = ["Names", "message_id"]


class Names:
    """The names that begin with ``prefix``; docs/bus.md lists them, and the permissions that allow them."""

    def __init__(self, prefix: str) -> None:
        own = _token(prefix)
        self.messages = f"{own}-messages"
        self.tops = f"{own}-tops"
        self.every_subject = f"{own}.msg.*"
        self.every_live = f"{own}.live.*"
        self._subject = f"{own}.msg."
        self._live = f"{own}.live."

    def subject(self, topic: TopicName) -> str:
        """Where messages of the topic are published and stored."""
        return self._subject + _token(topic)

    def live(self, topic: TopicName) -> str:
        """Where the server repeats what it has stored: a publish that was refused is never heard there."""
        return self._live + _token(topic)

    def topic_of(self, subject: str) -> TopicName | None:
        """The topic whose subject, of either kind, that is."""
        for start in (self._live, self._subject):
            if subject.startswith(start):
                return TopicName(subject[len(start) :].replace(",", "."))
        return None


def message_id(topic: TopicName, trace_id: TraceId) -> str:
    """What makes a message the same one: its id, within its topic."""
    return f"{topic} {trace_id.lower()}"


def _token(name: str) -> str:
    return name.replace(".", ",")
