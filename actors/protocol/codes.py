"""The two tables of numbers and words that tell a client what went wrong, and whether to come back."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

__all__ = ["CLOSE_REASON_MAX_BYTES", "CloseCode", "ErrorCode", "Refusal", "close_reason"]

CLOSE_REASON_MAX_BYTES = 123  # RFC 6455 §5.5: a control frame carries 125 bytes, two of them the code


class CloseCode(IntEnum):
    """Why a connection was closed. 44xx: change something first; 45xx and 10xx: come back and resume."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_TEXT = 1007
    FRAME_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    RESTART = 1012
    TRY_AGAIN_LATER = 1013
    PROTOCOL_VIOLATION = 4400
    UNAUTHORIZED = 4401
    ORIGIN_FORBIDDEN = 4403
    NO_SIGN_OF_LIFE = 4408
    TOO_MANY = 4429
    SLOW_CONSUMER = 4509
    LOST_PLACE = 4510


class ErrorCode(StrEnum):
    """The ``code`` of an ``error`` frame, of a refused topic and of a refused HTTP request."""

    BAD_JSON = "bad_json"
    BAD_ENVELOPE = "bad_envelope"
    BAD_VERSION = "bad_version"
    BAD_TOPIC = "bad_topic"
    FORBIDDEN = "forbidden"
    TOO_MANY_TOPICS = "too_many_topics"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    UNKNOWN_TYPE = "unknown_type"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was not done, told to whoever asked: ``message`` names the field and the rule."""

    code: ErrorCode
    message: str

    def as_data(self) -> dict[str, object]:
        """The shape of a refused topic and of an ``error`` frame's data."""
        return {"code": self.code.value, "message": self.message}


def close_reason(text: str) -> str:
    """``text`` cut to what fits into a close frame, at a character's boundary."""
    return text.encode()[:CLOSE_REASON_MAX_BYTES].decode(errors="ignore")
