"""Who somebody is and which topics they may use: values only, decided when a token was verified."""

from collections.abc import Iterable
from dataclasses import dataclass

from actors.protocol.envelope import TopicName, topic_flaw

__all__ = ["ANYTHING", "LEEWAY_S", "BadPattern", "Identity", "TopicPattern"]

ANYTHING = "*"
LEEWAY_S = 5.0  # protocol §2: by how much the clock of whoever made a token may differ from ours


class BadPattern(ValueError):
    """A topic pattern that is neither a topic, nor a topic's beginning with ``*`` behind it, nor ``*``."""

    def __init__(self, pattern: str, rule: str) -> None:
        super().__init__(pattern, rule)
        self.pattern = pattern
        self.rule = rule

    def __str__(self) -> str:
        return f"pattern {self.pattern[:80]!r}: {self.rule}"


@dataclass(frozen=True, slots=True)
class TopicPattern:
    """``thread:42`` is that topic, ``agent:*`` is all that begins with ``agent:``, ``*`` is every topic."""

    text: str

    def __post_init__(self) -> None:
        if self.text == ANYTHING:
            return
        flaw = topic_flaw(self.text.removesuffix(ANYTHING))
        if flaw:
            raise BadPattern(self.text, f"{flaw}; a * may stand only at the end")

    def matches(self, topic: TopicName) -> bool:
        if self.text.endswith(ANYTHING):
            return topic.startswith(self.text[:-1])
        return topic == self.text


@dataclass(frozen=True, slots=True)
class Identity:
    """One user as their token describes them.

    ``expires_at`` is the token's ``exp`` in Unix seconds, ``None`` where authentication is disabled.
    """

    user: str
    subscribe: tuple[TopicPattern, ...] = ()
    publish: tuple[TopicPattern, ...] = ()
    admin: bool = False
    expires_at: float | None = None

    @classmethod
    def anonymous(cls) -> "Identity":
        """Everybody, where ``auth.mode`` is ``disabled``: may everything, never expires."""
        everything = (TopicPattern(ANYTHING),)
        return cls("anonymous", subscribe=everything, publish=everything, admin=True)

    def may_subscribe(self, topic: TopicName) -> bool:
        """A user's own topic ``user:<sub>`` needs no grant."""
        return topic == f"user:{self.user}" or _any_matches(self.subscribe, topic)

    def may_publish(self, topic: TopicName) -> bool:
        return _any_matches(self.publish, topic)


def _any_matches(patterns: Iterable[TopicPattern], topic: TopicName) -> bool:
    for pattern in patterns:  # noqa: SIM110  # ``any`` takes three times as long, for each message
        if pattern.matches(topic):
            return True
    return False
