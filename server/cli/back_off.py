"""When a client comes back after a close, if at all: the table of protocol §7 and full jitter. Pure."""

import re
from dataclasses import dataclass

from actors.protocol.codes import CloseCode
from server.cli.exit_codes import ExitCode

__all__ = ["BASE_S", "CEILING_S", "ComeBack", "StayAway", "after_close", "full_jitter_s"]

BASE_S = 0.5
CEILING_S = 20.0
FIRST_S = 0.25

_AT_ONCE = frozenset({CloseCode.SLOW_CONSUMER, CloseCode.LOST_PLACE})
# 1006 is what a library reports where no close frame came, and None where it reports nothing.
_LATER = frozenset(
    {None, 1006, CloseCode.INTERNAL_ERROR, CloseCode.RESTART, CloseCode.TRY_AGAIN_LATER, CloseCode.NO_SIGN_OF_LIFE}
)
_RETRY_AFTER = re.compile(r"\bretry_after=(\d{1,6})\b")


@dataclass(frozen=True, slots=True)
class ComeBack:
    """Reconnect after ``delay_s`` seconds and resume."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class StayAway:
    """Coming back would change nothing: somebody has to change something first."""

    exit_code: ExitCode


def full_jitter_s(attempt: int, random: float) -> float:
    """Seconds before reconnect number ``attempt`` (0 is the first); ``random`` is uniform in [0, 1).

    Source: "Exponential backoff and jitter", AWS Architecture Blog: full jitter spreads a crowd best.
    """
    window = min(CEILING_S, BASE_S * 2.0 ** min(attempt, 16))
    return min(CEILING_S, FIRST_S + random * window)


def after_close(code: int | None, reason: str, attempt: int, random: float) -> ComeBack | StayAway:
    """What close ``code`` asks of a client whose last ``attempt`` reconnects did not last."""
    if code in _AT_ONCE:
        # At once, but not in a circle: a consumer that is too slow again and again waits like everybody.
        return ComeBack(0.0 if attempt == 0 else full_jitter_s(attempt, random))
    if code == CloseCode.TOO_MANY:
        return ComeBack(_advertised_s(reason) + full_jitter_s(attempt, random))
    if code in _LATER or (code is not None and 4500 <= code <= 4599):
        return ComeBack(full_jitter_s(attempt, random))
    if code in (CloseCode.UNAUTHORIZED, CloseCode.ORIGIN_FORBIDDEN):
        return StayAway(ExitCode.DENIED)
    if code in (CloseCode.PROTOCOL_VIOLATION, CloseCode.FRAME_TOO_BIG):
        return StayAway(ExitCode.USAGE)
    return StayAway(ExitCode.UNREACHABLE)


def _advertised_s(reason: str) -> float:
    found = _RETRY_AFTER.search(reason)
    return float(found[1]) if found else 0.0
