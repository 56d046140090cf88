"""What NATS says when it does not store, in the words that a publisher gets. Pure."""

from collections.abc import Mapping
from typing import Any

from actors.ports import BusUnavailable
from server.bus import refusals

__all__ = ["NO_MESSAGE", "NO_STREAM", "STORE", "WRONG_LAST", "Refused", "gone", "refusal_of"]

STORE = "NATS"
RETRY_LATER_S = 5

NO_MESSAGE = 10037
NO_STREAM = 10059
WRONG_LAST = frozenset({10071, 10164})

_RULES = {
    10023: "JetStream has no resources left (insufficient resources)",
    10026: "JetStream does not run for this account",
    10039: "JetStream does not run for this account",
    10047: "JetStream has no room left on its disk (insufficient storage)",
    10028: "JetStream has no memory left",
    10054: "the message is larger than the stream takes (max_msg_size)",
    10059: "the stream is gone",
    10076: "JetStream does not run on this server",
    10077: "the stream is full (max_msgs or max_bytes with discard: new)",
    10008: "JetStream has no leader for now",
    10009: "JetStream has no leader for now",
}


class Refused(Exception):
    """JetStream has answered with an error: nothing was stored."""

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(code, err_code, description)
        self.code = code
        self.err_code = err_code
        self.description = description

    def __str__(self) -> str:
        return f"{self.description} ({self.err_code})"

    @classmethod
    def by(cls, error: Mapping[str, Any]) -> "Refused":
        """The ``error`` of an answer."""
        return cls(int(error.get("code", 0)), int(error.get("err_code", 0)), str(error.get("description", "")))


def refusal_of(error: Refused) -> BusUnavailable:
    rule = _RULES.get(error.err_code, f"JetStream refused: {error.description[:100]}")
    return BusUnavailable(f"bus: {rule}", RETRY_LATER_S)


def gone(why: str) -> BusUnavailable:
    """There is nobody to ask: nothing was stored."""
    return refusals.gone(STORE, why)
