"""What a verified token may say: its claims become an ``Identity``, or are refused by rule. Pure.

Times are Unix seconds, compared with a clock that the caller gives; sizes are bytes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

from actors.protocol.permissions import LEEWAY_S, BadPattern, Identity, TopicPattern

__all__ = ["MAX_PATTERNS", "ClaimRules", "RefusalReason", "TokenRefused", "claims_from", "identity_from"]

RefusalReason: TypeAlias = Literal[
    "missing",
    "malformed",
    "too_long",
    "expired",
    "not_yet_valid",
    "signature",
    "algorithm",
    "unknown_key",
    "claims",
    "audience",
    "issuer",
    "keys_unavailable",
]

MAX_PATTERNS = 1000
_MAX_SUB_BYTES = 200
# Fits a WebSocket close reason, 123 bytes (RFC 6455 §5.5), with room for a prefix.
_MAX_TEXT_BYTES = 110
_LATEST_TIME = 2**53
# Control characters, line separators and lone surrogates: they forge log lines, or break UTF-8.
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class TokenRefused(Exception):
    """Nobody is let in with this token.

    ``reason`` counts in metrics, ``rule`` tells a developer what to change. Neither holds the token; the text
    is ASCII and at most 110 bytes, so it fits a WebSocket close reason.
    """

    def __init__(self, reason: RefusalReason, rule: str) -> None:
        super().__init__(reason, rule)
        self.reason: RefusalReason = reason
        self.rule = rule

    def __str__(self) -> str:
        return self.rule.encode("ascii", "backslashreplace")[:_MAX_TEXT_BYTES].decode("ascii")


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """What this gateway asks of claims; ``None`` = not checked. ``leeway_s`` forgives clocks that differ."""

    audience: str | None = None
    issuer: str | None = None
    leeway_s: float = LEEWAY_S


def claims_from(payload: bytes) -> dict[str, object]:
    """The JSON object in a token's payload.

    Raises:
        TokenRefused: ``malformed``.
    """
    try:
        claims = _decoder.decode(payload.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise TokenRefused("malformed", "the payload of the token is not JSON in UTF-8") from error
    if not isinstance(claims, dict):
        raise TokenRefused("malformed", "the payload of the token is not a JSON object")
    return claims


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def identity_from(claims: Mapping[str, object], rules: ClaimRules, now: float) -> Identity:
    """Whom the claims describe, at ``now`` in Unix seconds.

    Raises:
        TokenRefused: ``expired``, ``not_yet_valid``, ``audience``, ``issuer`` or ``claims``; names the claim.
    """
    expires_at = _expiry(claims, now - rules.leeway_s)
    _check_begin(claims, "nbf", now + rules.leeway_s)
    _check_begin(claims, "iat", now + rules.leeway_s)
    _check_audience(claims, rules.audience)
    _check_issuer(claims, rules.issuer)
    return Identity(
        user=_user(claims),
        subscribe=_patterns(claims, "subscribe"),
        publish=_patterns(claims, "publish"),
        admin=_admin(claims),
        expires_at=expires_at,
    )


def _expiry(claims: Mapping[str, object], deadline: float) -> float:
    if "exp" not in claims:
        raise TokenRefused("claims", "claim exp is missing; issue tokens that expire")
    expires_at = _time(claims, "exp")
    if expires_at <= deadline:
        raise TokenRefused("expired", "the token has expired (exp); get a new one")
    return expires_at


def _check_begin(claims: Mapping[str, object], name: str, deadline: float) -> None:
    if name in claims and _time(claims, name) > deadline:
        raise TokenRefused("not_yet_valid", f"the token is not valid yet ({name}); compare the clocks")


def _time(claims: Mapping[str, object], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused("claims", f"claim {name} must be a number of Unix seconds")
    # Written so that NaN, which compares false, is refused as well.
    if not abs(value) <= _LATEST_TIME:
        raise TokenRefused("claims", f"claim {name} must be a finite number of Unix seconds below 2^53")
    return float(value)


def _check_audience(claims: Mapping[str, object], audience: str | None) -> None:
    if audience is None:
        return
    claimed = claims.get("aud")
    if not (claimed == audience or (isinstance(claimed, list) and audience in claimed)):
        raise TokenRefused("audience", "claim aud does not name this gateway; see auth.audience")


def _check_issuer(claims: Mapping[str, object], issuer: str | None) -> None:
    if issuer is not None and claims.get("iss") != issuer:
        raise TokenRefused("issuer", "claim iss is not the issuer of auth.issuer")


def _user(claims: Mapping[str, object]) -> str:
    user = claims.get("sub")
    if not isinstance(user, str) or not user:
        raise TokenRefused("claims", "claim sub must be a user id: a string that is not empty")
    if _UNWANTED.search(user):
        raise TokenRefused("claims", "claim sub must not hold control characters")
    if len(user.encode()) > _MAX_SUB_BYTES:
        raise TokenRefused("claims", f"claim sub must be at most {_MAX_SUB_BYTES} bytes")
    return user


def _patterns(claims: Mapping[str, object], name: str) -> tuple[TopicPattern, ...]:
    texts = claims.get(name, [])
    if not isinstance(texts, list):
        raise TokenRefused("claims", f"claim {name} must be a list of topic patterns")
    if len(texts) > MAX_PATTERNS:
        raise TokenRefused("claims", f"claim {name} must hold at most {MAX_PATTERNS} patterns; use a * pattern")
    return tuple(_pattern(text, name, place) for place, text in enumerate(texts))


def _pattern(text: object, name: str, place: int) -> TopicPattern:
    if not isinstance(text, str):
        raise TokenRefused("claims", f"claim {name}[{place}] must be a string")
    try:
        return TopicPattern(text)
    except BadPattern as flaw:
        raise TokenRefused("claims", f"claim {name}[{place}] {flaw.rule}") from flaw


def _admin(claims: Mapping[str, object]) -> bool:
    admin = claims.get("admin", False)
    if not isinstance(admin, bool):
        raise TokenRefused("claims", "claim admin must be true or false")
    return admin
