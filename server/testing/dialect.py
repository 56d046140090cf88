"""What a connection can say, whichever way the gateway is spoken to: the events that bytes become, and back. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self

__all__ = ["Closed", "Dialect", "Ended", "Happening", "Opened", "Reply", "Text", "TurnedAway", "take_head"]

MOST_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Closed:
    """How a connection ended: a close code (1006 where there was none) and the reason."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """The handshake is done."""


@dataclass(frozen=True, slots=True)
class Text:
    """One envelope as it came; ``cursor`` is a stream's last event id as of it."""

    text: str
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes that the protocol wants sent back."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The gateway said that it hangs up, or did without a word."""

    closed: Closed


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """The handshake was answered with an HTTP error, whose body is ``{"code", "message"}`` from a gateway."""

    status: int
    reason: str

    @classmethod
    def by(cls, status: int, body: bytes) -> Self:
        try:
            said = json.loads(body)
            return cls(status, f"{said['code']}: {said['message']}")
        except (ValueError, KeyError, TypeError):
            # Somebody else's answer, a proxy's for example: its own words are the best there is.
            return cls(status, body[:200].decode(errors="replace"))


Happening = Opened | Text | Reply | Ended | TurnedAway


class Dialect(Protocol):
    """Owns what has arrived of an unfinished frame. One object for one connection."""

    def greeting(self) -> bytes:
        """The request that opens the connection."""

    def feed(self, data: bytes) -> Iterable[Happening]:
        """What ``data`` completes, in order."""

    def text(self, text: str) -> bytes | None:
        """A frame with ``text``; None where this dialect only listens."""

    def farewell(self) -> bytes:
        """What to send before hanging up in order."""


def take_head(received: bytes) -> tuple[int, dict[str, str], bytes] | None:
    """Status, headers (lower case) and what follows the head of an HTTP response; None while it is not whole.

    The body of an error counts as part of it: it says why. Raises: ValueError where this is not HTTP.
    """
    head, separator, rest = received.partition(b"\r\n\r\n")
    if not separator:
        if len(received) > MOST_HEAD_BYTES:
            raise ValueError(f"no end of the HTTP head within {MOST_HEAD_BYTES} bytes")
        return None
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest_of_line = status_line.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(f"not an HTTP answer: {status_line[:100]!r}")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    status = int(rest_of_line.split(" ", 1)[0])
    if status >= 400 and len(rest) < int(headers.get("content-length", "0")):
        return None
    return status, headers, rest
