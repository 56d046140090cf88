"""The shapes of ``data`` on the control topic, one table per direction: what other languages generate their types from.

Sizes are bytes, times seconds unless the name says ``_ms``; ``seq``, ``prev``, ``from`` and ``to`` are positions.
"""

from collections.abc import Mapping
from typing import Final, Literal, NotRequired, TypedDict

from actors.protocol.codes import ErrorCode
from actors.protocol.messages import Since

__all__ = [
    "FROM_CLIENT",
    "FROM_GATEWAY",
    "AuthData",
    "ErrorData",
    "GapData",
    "HelloData",
    "JoinedData",
    "MailboxBounds",
    "MailboxState",
    "PingData",
    "PongData",
    "PublishedData",
    "ReconnectData",
    "RefusedTopic",
    "SubscribeData",
    "SubscribeOptions",
    "SubscribedData",
    "UnsubscribeData",
    "UnsubscribedData",
]


class SubscribeOptions(TypedDict):
    since: NotRequired[Since]


class SubscribeData(TypedDict):
    topics: dict[str, SubscribeOptions]


class UnsubscribeData(TypedDict):
    topics: list[str]


class PongData(TypedDict):
    """``seen``: the id of the last message handled, per topic."""

    seen: dict[str, str]


class AuthData(TypedDict):
    token: str


class MailboxBounds(TypedDict):
    messages: int
    bytes: int


class HelloData(TypedDict):
    """``expires_at`` is Unix seconds, null where the connection has no end. Position 0 of another ``epoch`` is void.

    ``epoch`` is null while the bus has not said.
    """

    client: str
    user: str
    heartbeat_s: float
    mailbox: MailboxBounds
    expires_at: float | None
    reconnect_jitter_ms: int
    epoch: str | None


class JoinedData(TypedDict):
    seq: int
    recovered: bool
    replayed: int


class RefusedTopic(TypedDict):
    code: ErrorCode
    message: str


class SubscribedData(TypedDict):
    topics: dict[str, JoinedData]
    refused: dict[str, RefusedTopic]


class UnsubscribedData(TypedDict):
    topics: list[str]


class PublishedData(TypedDict):
    topic: str
    seq: int
    prev: int
    duplicate: bool


class MailboxState(TypedDict):
    depth: int
    high_water: int
    dropped: int


class PingData(TypedDict):
    """``seen``: the position of each topic's top, not of this client."""

    seen: dict[str, int]
    mailbox: MailboxState


# ``from`` is a word of Python's own.
GapData = TypedDict(
    "GapData",
    {
        "topic": str,
        "from": int | None,
        "to": int | None,
        "dropped": int | None,
        "reason": Literal["overflow", "history"],
    },
)


class ErrorData(TypedDict):
    code: ErrorCode
    message: str
    topic: NotRequired[str]


class ReconnectData(TypedDict):
    after_ms: int
    reason: Literal["drain"]


FROM_CLIENT: Final[Mapping[str, type]] = {
    "subscribe": SubscribeData,
    "unsubscribe": UnsubscribeData,
    "pong": PongData,
    "auth": AuthData,
}

FROM_GATEWAY: Final[Mapping[str, type]] = {
    "hello": HelloData,
    "subscribed": SubscribedData,
    "unsubscribed": UnsubscribedData,
    "published": PublishedData,
    "ping": PingData,
    "gap": GapData,
    "error": ErrorData,
    "reconnect": ReconnectData,
}
