"""TopicState: what outlives an incarnation of a topic's actor."""

from dataclasses import dataclass, field

from actors.catch_up import CatchUp
from actors.client_mailbox import ClientMailbox
from actors.delivery import Delivery
from actors.history import History
from actors.ports import Source
from actors.protocol.envelope import Seq, TopicName
from actors.round import Round
from actors.runtime.mailbox import Mailbox
from actors.topic_page import Read
from actors.topic_requests import CaughtUp, Join, Leave, NotServed, Refill

__all__ = ["TopicMailbox", "TopicState"]

TopicMailbox = Mailbox[Delivery]


@dataclass(slots=True)
class TopicState:
    """``finals``: types that may never be lost. ``source`` is None where this topic's actor is the store.

    ``subscribers`` has for each its position when it was joined automatically, ``None`` once it has asked itself.
    ``kept`` is what is in the history and not fanned out yet, ``round`` the fan-out under way. ``is_loaded``: the
    history has what the bus has; ``deserted_at``: monotonic seconds since when nobody subscribes.
    """

    name: TopicName
    mailbox: TopicMailbox
    history: History
    finals: frozenset[str] = frozenset()
    source: Source | None = None
    subscribers: dict[ClientMailbox, Seq | None] = field(default_factory=dict)
    kept: list[Delivery] = field(default_factory=list)
    round: Round | None = None
    is_loaded: bool = field(init=False)
    catch_up: CatchUp[Join | Read] | None = field(init=False)
    deserted_at: float = 0.0

    def __post_init__(self) -> None:
        self.is_loaded = self.source is None
        self.catch_up = None if self.source is None else CatchUp(self.source, self._tell_that_caught_up)

    def undelivered(self) -> list[Delivery]:
        """Take out all that nobody got, where the topic is given up."""
        waiting, self.kept = self.kept, []
        while (delivery := self.mailbox.take_data()) is not None:
            waiting.append(delivery)
        return waiting

    def dismiss_subscribers(self) -> None:
        """Each of them has lost its place here, and comes back."""
        subscribers, self.subscribers = self.subscribers, {}
        for client in subscribers:
            client.control(NotServed(self.name))

    def turn_away(self) -> None:
        """Answer everybody who subscribes or waits: this topic is not served. Whoever subscribes is told once."""
        told = set(self.subscribers)
        self.dismiss_subscribers()
        waiting: list[object] = [] if self.catch_up is None else list(self.catch_up.take_all())
        while (message := self.mailbox.take()) is not None:
            waiting.append(message)
        for request in waiting:
            if isinstance(request, Read):
                request.reply(None)
            elif isinstance(request, Join | Leave | Refill) and request.client not in told:
                request.client.control(NotServed(self.name))

    def _tell_that_caught_up(self) -> None:
        self.mailbox.control(CaughtUp())
