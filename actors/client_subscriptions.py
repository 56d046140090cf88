"""A client's topics: joining and leaving them, and the one answer that a request for several of them gets."""

import logging

from actors.client_signals import Underserved
from actors.directory import TopicDirectory
from actors.protocol.codes import ErrorCode, Refusal
from actors.protocol.envelope import ProtocolError, TopicName, TraceId, publishable_topic
from actors.protocol.messages import Subscribe, Unsubscribe
from actors.replies import Replies
from actors.session import ClientSession
from actors.subscription_request import SubscriptionRequest, TopicAnswer
from actors.topic_requests import Join, Joined, Leave, NotServed

__all__ = ["ClientSubscriptions"]

_FORBIDDEN = Refusal(ErrorCode.FORBIDDEN, "topic: your token's subscribe list does not match it")
_TOO_BUSY = Refusal(ErrorCode.OVERLOADED, "topic: cannot be served right now; try again later")

log = logging.getLogger("fanwire.clients")


class ClientSubscriptions:
    """``max_topics`` bounds the topics of one connection; the user's own comes on top."""

    def __init__(self, session: ClientSession, directory: TopicDirectory, replies: Replies, max_topics: int) -> None:
        self._session = session
        self._directory = directory
        self._replies = replies
        self._max_topics = max_topics

    def subscribe(self, command: Subscribe) -> None:
        request = self._begin("subscribed", command.id)
        for name, since in command.topics.items():
            refusal = self._refusal_of(name)
            if refusal is None and not self._join(TopicName(name), Join(self._session.mailbox, since)):
                refusal = _TOO_BUSY
            if refusal is None:
                request.waiting.add(TopicName(name))
            else:
                request.refused[name] = refusal
        self._answer_if_complete(request)

    def unsubscribe(self, command: Unsubscribe) -> None:
        """Leaving what was never joined is no error: the answer names every topic that was asked for."""
        request = self._begin("unsubscribed", command.id)
        for name in dict.fromkeys(command.topics):
            topic = TopicName(name)
            if topic in self._session.topics and self._leave(topic, answer=True):
                request.waiting.add(topic)
            else:
                request.left.append(name)
        self._answer_if_complete(request)

    def take_answer(self, answer: TopicAnswer) -> bool:
        """A topic has answered. False where that says that the topic is lost to this client unasked."""
        if isinstance(answer, NotServed):
            self._session.topics.discard(answer.topic)
        request = self._session.request
        if request is None or not request.is_answered_by(answer):
            return not isinstance(answer, NotServed)
        request.take(answer)
        self._answer_if_complete(request)
        return True

    def join_own_topic(self) -> None:
        """Everyone hears ``user:<sub>`` from the start, where that makes a topic's name."""
        try:
            topic = publishable_topic(f"user:{self._session.identity.user}")
        except ProtocolError as flaw:
            log.info("a user has no topic of their own: %s", flaw, extra={"client": self._session.client_id})
            return
        if not self._join(topic, Join(self._session.mailbox, None, automatic=True)):
            self._replies.say("error", {**_TOO_BUSY.as_data(), "topic": topic})

    def leave_forbidden(self) -> None:
        """After a renewal: what the new token does not allow any more is left, and said."""
        session = self._session
        for topic in [topic for topic in session.topics if not session.identity.may_subscribe(topic)]:
            self._leave(topic, answer=False)
            session.mailbox.forget_topic(topic)
            self._replies.say("error", {**_FORBIDDEN.as_data(), "topic": topic})

    def leave_everything(self) -> None:
        for topic in list(self._session.topics):
            self._leave(topic, answer=False)

    def abandon(self) -> None:
        """The request under way will not be answered by this class: let waiting messages go on."""
        if self._session.request is not None:
            self._session.request = None
            self._session.mailbox.release()

    def _refusal_of(self, name: str) -> Refusal | None:
        """Why this client may not join ``name``, or None."""
        session = self._session
        try:
            topic = publishable_topic(name)
        except ProtocolError as flaw:
            return Refusal(flaw.code, str(flaw))
        if not session.identity.may_subscribe(topic):
            return _FORBIDDEN
        if topic not in session.topics and len(session.topics) >= self._max_topics + session.own_topics:
            return Refusal(ErrorCode.TOO_MANY_TOPICS, f"topics: at most {self._max_topics} on one connection")
        return None

    def _begin(self, kind: str, request_id: TraceId) -> SubscriptionRequest:
        """Until the answer is written, messages wait: none of a topic may overtake the answer that brings it."""
        self._session.request = request = SubscriptionRequest(kind, request_id)
        self._session.mailbox.hold()
        return request

    def _answer_if_complete(self, request: SubscriptionRequest) -> None:
        """Answer first, then what could not be recovered, then let waiting messages follow."""
        if request.waiting:
            return
        session = self._session
        for topic in request.left:
            session.mailbox.forget_topic(TopicName(topic))
        self._replies.answer(request.kind, request.data(), request.id)
        for joined in request.joined:
            if not joined.recovered:
                self._replies.say("gap", _history_gap(joined))
        if not session.framing.hears and any(why.code is ErrorCode.OVERLOADED for why in request.refused.values()):
            session.mailbox.control(Underserved())
        # Not before: whoever fails up to here still finds the request, and lets go of what it holds.
        session.request = None
        session.mailbox.release()

    def _join(self, topic: TopicName, join: Join) -> bool:
        mailbox = self._directory.mailbox_of(topic)
        if mailbox is None:
            return False
        self._session.topics.add(topic)
        mailbox.control(join)
        return True

    def _leave(self, topic: TopicName, *, answer: bool) -> bool:
        self._session.topics.discard(topic)
        self._session.acknowledged.pop(topic, None)
        mailbox = self._directory.find(topic)
        if mailbox is None:
            return False
        mailbox.control(Leave(self._session.mailbox, answer))
        return True


def _history_gap(joined: Joined) -> dict[str, object]:
    """``dropped`` is null: what history no longer holds cannot be counted."""
    since = joined.since if isinstance(joined.since, int) else None
    return {"topic": joined.topic, "from": since, "to": joined.seq, "dropped": None, "reason": "history"}
