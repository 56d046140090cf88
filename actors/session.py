"""A client's session: what outlives an incarnation of its actor, so that the browser notices no restart."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from actors.client_mailbox import ClientMailbox
from actors.framing import Framing
from actors.ports import Clock, Socket
from actors.protocol.codes import CloseCode
from actors.protocol.envelope import Seq, TopicName, TraceId
from actors.protocol.messages import request_id_of
from actors.protocol.permissions import LEEWAY_S, Identity
from actors.rate import TokenBucket
from actors.runtime.overflow import OverflowPolicy
from actors.subscription_request import SubscriptionRequest

__all__ = ["BAD_FRAMES_MAX", "ClientSession", "ClientSettings", "Inbound"]

BAD_FRAMES_MAX = 5


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """The bounds that every client gets; times in seconds. ``policy_of`` is each topic's overflow policy."""

    mailbox_messages: int
    mailbox_bytes: int
    topics: int
    messages_per_s: float
    heartbeat_interval_s: float
    heartbeat_timeout_s: float
    reconnect_jitter_ms: int
    policy_of: Callable[[TopicName], OverflowPolicy]


@dataclass(slots=True, eq=False)
class Inbound:
    """A text frame from the client. Its reader waits for ``done`` before it reads the next one."""

    text: str
    done: "asyncio.Future[None]"

    @property
    def id(self) -> TraceId | None:
        """The client's own id of it, where it has one that can be read."""
        return request_id_of(self.text)

    def let_go(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True, eq=False)
class ClientSession:
    """One browser tab's connection. Times are monotonic seconds; ``last_heard`` is infinite for one that cannot speak.

    ``is_hung_up``: the peer knows why, or is gone; ``closed``: nobody acts for this session any more.
    ``reader`` is the frame that is being answered, ``request`` what it asked of topics that have yet to answer,
    ``background`` what it asked of the bus or of the authenticator. ``leaving``: closed when nothing waits.
    """

    client_id: str
    identity: Identity
    socket: Socket
    framing: Framing
    mailbox: ClientMailbox
    rate: TokenBucket
    last_heard: float
    next_ping: float
    expires: float | None = None
    topics: set[TopicName] = field(default_factory=set)
    acknowledged: dict[TopicName, Seq] = field(default_factory=dict)
    reader: Inbound | None = None
    request: SubscriptionRequest | None = None
    background: "asyncio.Task[BaseException | None] | None" = None
    bad_frames: int = 0
    greeted: bool = False
    leaving: bool = False
    is_hung_up: bool = False
    closed: bool = False

    @property
    def own_topics(self) -> int:
        """1 where ``user:<sub>`` is among the topics: it does not count against the limit."""
        return int(f"user:{self.identity.user}" in self.topics)

    def renew(self, identity: Identity, clock: Clock) -> None:
        """From now on the client is who its newer token says.

        A token that was taken although it had just expired is good for as long as clocks are forgiven to differ:
        ended at once, its client would come back with it again and again.
        """
        self.identity = identity
        if identity.expires_at is None:
            self.expires = None
        else:
            left_s = identity.expires_at - clock.time()
            self.expires = clock.monotonic() + (left_s if left_s > 0 else left_s + LEEWAY_S)

    def hang_up(self, code: CloseCode, reason: str) -> None:
        """Say why, once."""
        if not self.is_hung_up:
            self.is_hung_up = True
            self.socket.close(code, reason)

    def let_reader_go_on(self) -> None:
        """The frame that was being answered is answered."""
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.let_go()
