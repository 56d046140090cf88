"""ActorSettings: what topics and clients are told of the configuration. Owns which types of a namespace are final."""

from actors.directory import TopicSettings
from actors.protocol.envelope import TopicName, namespace_of
from actors.runtime.overflow import OverflowPolicy
from actors.session import ClientSettings
from server.config import Config

__all__ = ["ActorSettings"]

CONTROL_SPARE = 1000
RECONNECT_JITTER_MS = 1000
NO_FINALS: frozenset[str] = frozenset()


class ActorSettings:
    """``config`` in the actors' own words."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._finals = {name: frozenset(topic.final) for name, topic in config.topics.items()}

    def topic(self, topic: TopicName) -> TopicSettings:
        history = self._config.history_for(namespace_of(topic))
        return TopicSettings(
            max_messages=self._config.mailbox.topic_messages,
            # A client has one join or leave and one refill under way, and leaves once more when it goes.
            max_control=3 * self._config.limits.connections + CONTROL_SPARE,
            history_messages=history.messages,
            history_ttl_s=history.ttl_s,
            finals=self.finals_of(topic),
        )

    def client(self) -> ClientSettings:
        config = self._config
        return ClientSettings(
            mailbox_messages=config.mailbox.messages,
            mailbox_bytes=config.mailbox.bytes,
            topics=config.limits.topics_per_client,
            messages_per_s=config.limits.client_messages_per_s,
            heartbeat_interval_s=config.heartbeat.interval_s,
            heartbeat_timeout_s=config.heartbeat.timeout_s,
            reconnect_jitter_ms=RECONNECT_JITTER_MS,
            policy_of=self.policy_of,
        )

    def finals_of(self, topic: TopicName) -> frozenset[str]:
        """The types of ``topic`` that are never dropped."""
        return self._finals.get(namespace_of(topic), NO_FINALS)

    def policy_of(self, topic: TopicName) -> OverflowPolicy:
        return OverflowPolicy(self._config.topic(namespace_of(topic)).overflow)
