"""Who is at the door: finds the token of a request, checks it, and says whom it describes.

The order is the defence: size, then the header's algorithm against the configured ones, then a key that is
bound to that algorithm, then the signature, and only then the claims.
"""

import base64
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jwt

from actors.protocol.permissions import Identity
from server.signing_keys import (
    SUPPORTED_ALGORITHMS,
    BadKey,
    KeySource,
    KeysUnavailable,
    SigningKey,
    StaticSecret,
)
from server.token_claims import ClaimRules, RefusalReason, TokenRefused, claims_from, identity_from

__all__ = [
    "MAX_TOKEN_BYTES",
    "TOKEN_SUBPROTOCOL",
    "AnonymousAuthenticator",
    "Authenticator",
    "JwtAuthenticator",
    "RefusalReason",
    "TokenRefused",
    "find_token",
    "issue_token",
]

MAX_TOKEN_BYTES = 8 * 1024
TOKEN_SUBPROTOCOL = "fanwire.token."  # noqa: S105 - a prefix on the wire, not a secret

_BAD_HEADER = "the header of the token is not base64url of JSON"


class Authenticator(Protocol):
    """Tells who holds a token."""

    async def identify(self, token: str | None) -> Identity:
        """Whom ``token`` describes; ``None`` = the request brought none.

        Raises:
            TokenRefused: with the rule that the token breaks.
        """
        ...


class AnonymousAuthenticator:
    """``auth.mode = "disabled"``: everybody is ``anonymous`` and may everything; tokens are not looked at."""

    async def identify(self, token: str | None) -> Identity:
        return Identity.anonymous()


class JwtAuthenticator:
    """Checks signed JSON web tokens (RFC 7519, with the advice of RFC 8725).

    ``algorithms`` are the only ones allowed, whatever a token says; ``audience`` and ``issuer`` are checked
    where given; ``now`` gives Unix seconds.

    Raises:
        BadKey: ``algorithms`` is empty, holds ``none`` or an unknown one, or one the secret cannot serve.
    """

    def __init__(
        self,
        keys: KeySource,
        algorithms: Sequence[str],
        audience: str | None = None,
        issuer: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        _require_supported(algorithms)
        if isinstance(keys, StaticSecret):
            keys.require_fit(algorithms)
        self._keys = keys
        self._algorithms = frozenset(algorithms)
        self._rules = ClaimRules(audience, issuer)
        self._now = now
        jws = jwt.PyJWS(algorithms=list(algorithms))
        self._verifiers = {name: jws.get_algorithm_by_name(name) for name in algorithms}

    async def identify(self, token: str | None) -> Identity:
        if not token:
            raise TokenRefused("missing", "send a token: subprotocol fanwire.token.<jwt> or Authorization: Bearer")
        signed, payload, signature, header = _segments_of(token)
        algorithm = self._algorithm_of(header)
        key = await self._key_for(header.get("kid"), algorithm)
        # Not through PyJWS.decode: that looks anew, for every token, at what kind of secret its key might be.
        if not self._verifiers[algorithm].verify(signed, key.material, _decoded(signature, "signature", "bytes")):
            raise TokenRefused("signature", "the signature does not match the key")
        claims = claims_from(_decoded(payload, "payload", "JSON"))
        return identity_from(claims, self._rules, self._now())

    def _algorithm_of(self, header: dict[str, Any]) -> str:
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            allowed = ", ".join(sorted(self._algorithms))
            raise TokenRefused("algorithm", f"header alg {ascii(algorithm)[:20]} is not allowed; allowed: {allowed}")
        return algorithm

    async def _key_for(self, kid: object, algorithm: str) -> SigningKey:
        if kid is not None and not isinstance(kid, str):
            raise TokenRefused("malformed", "header kid must be a string")
        try:
            keys = await self._keys.keys_for(kid)
        except KeysUnavailable as error:
            raise TokenRefused("keys_unavailable", "the signing keys cannot be had now; try again later") from error
        return _only_fit(keys, kid, algorithm)


def _require_supported(algorithms: Sequence[str]) -> None:
    supported = ", ".join(SUPPORTED_ALGORITHMS)
    if not algorithms:
        raise BadKey("auth.algorithms", f"is empty; name at least one of {supported}")
    for algorithm in algorithms:
        if algorithm not in SUPPORTED_ALGORITHMS:
            raise BadKey("auth.algorithms", f"{algorithm[:80]!r} is not supported; use {supported}")


def _segments_of(token: str) -> tuple[bytes, str, str, dict[str, Any]]:
    """What was signed, the payload and the signature as they were sent, and the header: RFC 7515 §3.1."""
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenRefused("too_long", f"a token has at most {MAX_TOKEN_BYTES} bytes; use fewer, wider patterns")
    if not token.isascii():
        raise TokenRefused("malformed", "a token holds only base64url characters and two dots")
    header, *rest = token.split(".")
    fields = _header_from(_decoded(header, "header", "JSON"))
    if len(rest) != 2:
        raise TokenRefused("malformed", "not a JWT of three base64url segments")
    payload, signature = rest
    return f"{header}.{payload}".encode("ascii"), payload, signature, fields


def _header_from(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TokenRefused("malformed", _BAD_HEADER) from error
    if not isinstance(header, dict):
        raise TokenRefused("malformed", "the header of the token is not a JSON object")
    # We understand no extension, so none may be critical: RFC 7515 §4.1.11, and RFC 7797 §6 for b64.
    if "crit" in header or "b64" in header:
        raise TokenRefused("malformed", "header crit or b64 names an extension that is not supported")
    return header


def _decoded(segment: str, name: str, content: str) -> bytes:
    """One segment's bytes. There is one spelling of them, with or without its padding; all others are refused."""
    try:
        decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        decoded = b""
    # Python's decoder skips what it does not know: only the way back tells whether there was any of that.
    spelled = base64.urlsafe_b64encode(decoded).decode("ascii")
    if segment not in (spelled, spelled.rstrip("=")):
        raise TokenRefused("malformed", f"the {name} of the token is not base64url of {content}")
    return decoded


def _only_fit(keys: Sequence[SigningKey], kid: str | None, algorithm: str) -> SigningKey:
    fit = [key for key in keys if algorithm in key.algorithms]
    if len(fit) == 1:
        return fit[0]
    name = f"kid {ascii(kid)[:40]}"
    if not keys:
        raise TokenRefused("unknown_key", f"no key is known by {name}")
    if not fit:
        raise TokenRefused("algorithm", f"no key of {name} is meant for {algorithm}")
    raise TokenRefused("unknown_key", f"several keys fit {name} and {algorithm}; issue tokens with a unique kid")


def find_token(authorization: str | None, subprotocols: Sequence[str], query_token: str | None) -> str | None:
    """The token of a request: subprotocol ``fanwire.token.<jwt>``, ``Authorization: Bearer``, or ``?token=``.

    ``None`` where there is none; another Authorization scheme and an empty value count as none.

    Raises:
        TokenRefused: ``malformed``, when two tokens differ: which one was meant cannot be known.
    """
    offered = [name.removeprefix(TOKEN_SUBPROTOCOL) for name in subprotocols if name.startswith(TOKEN_SUBPROTOCOL)]
    offered += [_bearer(authorization or ""), query_token or ""]
    tokens = {token for token in offered if token}
    if len(tokens) > 1:
        raise TokenRefused("malformed", "two different tokens in one request; send one")
    return tokens.pop() if tokens else None


def _bearer(authorization: str) -> str:
    scheme, _, credentials = authorization.strip().partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def issue_token(
    secret: bytes,
    *,
    sub: str,
    subscribe: Sequence[str] = (),
    publish: Sequence[str] = (),
    admin: bool = False,
    ttl_s: float,
    now: Callable[[], float] = time.time,
    audience: str | None = None,
    issuer: str | None = None,
    algorithm: str = "HS256",
    kid: str | None = None,
) -> str:
    """A token signed with ``secret``, valid for ``ttl_s`` seconds from now; never one that would be refused.

    Raises:
        BadKey: ``secret`` is no secret, or too short for ``algorithm``.
        TokenRefused: the claims break a rule, for example a bad pattern, or a ``ttl_s`` that is not positive.
    """
    StaticSecret(secret).require_fit([algorithm])
    issued_at = now()
    claims = {"sub": sub, "iat": issued_at, "exp": issued_at + ttl_s}
    claims |= {"subscribe": list(subscribe), "publish": list(publish), "admin": admin}
    claims |= {name: value for name, value in (("aud", audience), ("iss", issuer)) if value is not None}
    identity_from(claims, ClaimRules(leeway_s=0.0), issued_at)
    token = jwt.encode(claims, secret, algorithm, headers=None if kid is None else {"kid": kid})
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenRefused("too_long", f"a token has at most {MAX_TOKEN_BYTES} bytes; use fewer, wider patterns")
    return token
