"""What the clients of a reconnect storm say, and what they have missed. Pure, but for the clock that dates the tokens.

Rooms are numbered; client i is in the rooms from i on. The id of a message holds its room and its number there, so that
the load generator can tell which one it is; number 0 is the last that a client has seen.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import jwt

from bench.dialects import handshake
from bench.dialogue import ID_PREFIX

__all__ = ["ALGORITHM", "Resume", "client_lines", "handshake_head", "room_messages", "room_topic", "sign"]

ALGORITHM = "HS256"
_TTL_S = 3600
_DELIVERED_BYTES = 180
# ,"ts":1719958453.127,"seq":1719958453127004,"prev":1719958453127003
_GATEWAY_ADDS_BYTES = 66


@dataclass(frozen=True, slots=True)
class Resume:
    """How a client comes back: to ``topics`` of the ``rooms``, each of which went on by ``missed`` messages."""

    topics: int
    missed: int
    rooms: int

    @property
    def messages(self) -> int:
        """How many each client gets before it is live again."""
        return self.topics * self.missed


def room_topic(room: int) -> str:
    return f"bench:{room}"


def room_messages(room: int, missed: int) -> list[dict[str, object]]:
    """The envelopes to publish to a room: the one that its clients have seen, and the ``missed`` ones after it."""
    return [_message(room, number) for number in range(missed + 1)]


def sign(secret: str, user: str, now_s: float, **claims: Sequence[str]) -> str:
    """A token of one hour for ``user``; ``claims`` are its ``subscribe`` and ``publish`` patterns."""
    every = {"sub": user, "iat": int(now_s), "exp": int(now_s) + _TTL_S, **claims}
    return jwt.encode(every, secret, ALGORITHM)


def client_lines(count: int, resume: Resume, seen: Mapping[int, int | str], secret: str, now_s: float) -> Iterator[str]:
    """One line per client for the load generator: its own token, a space, its ``subscribe`` frame.

    ``seen`` gives for each room the ``seq``, or the ``id``, of the message that its clients have seen.
    """
    for number in range(count):
        token = sign(secret, f"user-{number}", now_s, subscribe=["bench:*"])
        rooms = [(number + place) % resume.rooms for place in range(resume.topics)]
        yield f"{token} {_subscribe(number, {room_topic(room): seen[room] for room in rooms})}\n"


def handshake_head(port: int) -> str:
    """The upgrade request up to where the token begins; the token and an empty line complete it."""
    return handshake(port).removesuffix("\r\n\r\n") + ", fanwire.token."


def _message(room: int, number: int) -> dict[str, object]:
    envelope: dict[str, object] = {
        "v": 1,
        "id": f"{ID_PREFIX}{room:08x}{number:04x}",
        "topic": room_topic(room),
        "type": "bench.tick",
        "data": {"text": ""},
    }
    padding = _DELIVERED_BYTES - _GATEWAY_ADDS_BYTES - len(_compact(envelope))
    return envelope | {"data": {"text": "x" * max(0, padding)}}


def _subscribe(number: int, since: Mapping[str, int | str]) -> str:
    topics = {topic: {"since": position} for topic, position in since.items()}
    envelope = {"v": 1, "id": f"5ab5c21b-5d1e-4f00-8bad-{number:012x}", "topic": "system", "type": "subscribe"}
    return _compact(envelope | {"data": {"topics": topics}})


def _compact(envelope: Mapping[str, object]) -> str:
    return json.dumps(envelope, separators=(",", ":"))
