"""One subscribe or unsubscribe request: which topics it still waits for, and what its answer will say."""

from dataclasses import dataclass, field

from actors.protocol.codes import ErrorCode, Refusal
from actors.protocol.envelope import TopicName, TraceId
from actors.topic_requests import Joined, Left, NotServed

__all__ = ["SubscriptionRequest", "TopicAnswer"]

TopicAnswer = Joined | Left | NotServed

_NOT_SERVED = Refusal(ErrorCode.OVERLOADED, "topic: failed and is not served right now; try again later")


@dataclass(slots=True)
class SubscriptionRequest:
    """Collects the topics' answers: every request of a client is answered by exactly one frame.

    ``kind`` is the answer's type: ``subscribed`` or ``unsubscribed``.
    """

    kind: str
    id: TraceId
    waiting: set[TopicName] = field(default_factory=set)
    refused: dict[str, Refusal] = field(default_factory=dict)
    joined: list[Joined] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def is_answered_by(self, answer: TopicAnswer) -> bool:
        """Not by the Joined of an automatic subscription that crosses a request to leave it."""
        asked = Joined if self.kind == "subscribed" else Left
        return answer.topic in self.waiting and isinstance(answer, asked | NotServed)

    def take(self, answer: TopicAnswer) -> None:
        self.waiting.discard(answer.topic)
        match answer:
            case Joined():
                self.joined.append(answer)
            case Left():
                self.left.append(answer.topic)
            case NotServed() if self.kind == "unsubscribed":
                self.left.append(answer.topic)
            case NotServed():
                self.refused[answer.topic] = _NOT_SERVED

    def data(self) -> dict[str, object]:
        """The answer's ``data``, as protocol §3 shapes it."""
        if self.kind == "unsubscribed":
            return {"topics": self.left}
        topics = {
            joined.topic: {"seq": joined.seq, "recovered": joined.recovered, "replayed": joined.replayed}
            for joined in self.joined
        }
        return {"topics": topics, "refused": {topic: why.as_data() for topic, why in self.refused.items()}}
