"""Keys that may sign tokens: which algorithms each one is bound to, and which are refused. Pure, no I/O.

A key's algorithms come from the key itself (its type, curve and length), never from a token's header: a
header that chooses how its own signature is checked is how an RSA public key becomes an HMAC secret.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import HMACAlgorithm

__all__ = [
    "SUPPORTED_ALGORITHMS",
    "BadKey",
    "KeyMaterial",
    "KeySet",
    "KeySource",
    "KeysUnavailable",
    "SigningKey",
    "StaticSecret",
    "parse_jwks",
    "secret_key",
]

KeyMaterial: TypeAlias = bytes | RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

# The least secret in bytes: as long as the hash it keys, RFC 7518 §3.2.
_SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_RSA_BITS = range(2048, 8193)
SUPPORTED_ALGORITHMS = (*_SECRET_BYTES, "RS256", "ES256", "EdDSA")


class BadKey(ValueError):
    """A key, or a choice of algorithms, that would not protect anything.

    ``subject`` names the setting or the JWK, ``rule`` says what is wrong and what to do; no secret in them.
    """

    def __init__(self, subject: str, rule: str) -> None:
        super().__init__(subject, rule)
        self.subject = subject
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule}"


class KeysUnavailable(Exception):
    """No keys to check a token with: none were ever read, or the last ones are too old to be trusted."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key and the only algorithms that it may be used with; ``kid`` is ``None`` where it has no name."""

    kid: str | None
    algorithms: frozenset[str]
    material: KeyMaterial = field(repr=False)


class KeySource(Protocol):
    """Where keys come from."""

    async def keys_for(self, kid: str | None) -> Sequence[SigningKey]:
        """The keys of that name, or all of them for ``None``; empty where there is none.

        Raises:
            KeysUnavailable: nothing can be said about any key at the moment.
        """
        ...


class StaticSecret:
    """One HMAC secret out of the configuration. A ``kid`` of a token is not looked at: there is one key.

    Raises:
        BadKey: ``secret`` is shorter than 32 bytes, or is a public key, a certificate or a JWK.
    """

    def __init__(self, secret: bytes) -> None:
        self._keys = (secret_key(secret, subject="auth.secret"),)

    async def keys_for(self, kid: str | None) -> Sequence[SigningKey]:
        return self._keys

    def require_fit(self, algorithms: Iterable[str]) -> None:
        """Make sure at start that the secret can serve every configured algorithm.

        Raises:
            BadKey: one of ``algorithms`` needs a longer secret, or another kind of key.
        """
        for algorithm in algorithms:
            if algorithm not in self._keys[0].algorithms:
                raise BadKey("auth.secret", _misfit(algorithm))


def _misfit(algorithm: str) -> str:
    if algorithm in _SECRET_BYTES:
        return f"{algorithm} needs a secret of at least {_SECRET_BYTES[algorithm]} bytes (RFC 7518 §3.2)"
    return f"a secret cannot check {algorithm}; use auth.jwks_file or auth.jwks_url, or algorithms HS*"


def secret_key(secret: bytes, *, subject: str, kid: str | None = None) -> SigningKey:
    """An HMAC key, bound to the algorithms that its length suffices for.

    Raises:
        BadKey: shorter than 32 bytes, or something that is public elsewhere (PEM, DER, SSH key, JWK).
    """
    algorithms = frozenset(name for name, least in _SECRET_BYTES.items() if len(secret) >= least)
    if not algorithms:
        raise BadKey(subject, f"a secret has at least 32 bytes, this one {len(secret)}; try: openssl rand -hex 32")
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except jwt.InvalidKeyError as error:
        rule = "a public key, certificate or JWK is no secret, everybody has it; use a random one, or a JWKS"
        raise BadKey(subject, rule) from error
    return SigningKey(kid, algorithms, secret)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of one JWKS document, in its order, and why the others were skipped."""

    keys: tuple[SigningKey, ...]
    skipped: tuple[str, ...] = ()

    def named(self, kid: str | None) -> tuple[SigningKey, ...]:
        """The keys of that name; all for ``None``."""
        return self.keys if kid is None else tuple(key for key in self.keys if key.kid == kid)


def parse_jwks(document: bytes, *, subject: str) -> KeySet:
    """Read a JWK set (RFC 7517 §5). Keys that cannot sign our tokens are skipped, with the reason.

    Raises:
        BadKey: not a JWK set, or none of its keys is usable.
    """
    keys, skipped = [], []
    for jwk in _members(document, subject):
        try:
            keys.append(_read_jwk(jwk))
        except BadKey as flaw:
            skipped.append(str(flaw))
    if not keys:
        raise BadKey(subject, f"no usable key; {'; '.join(skipped)[:500] or 'its list `keys` is empty'}")
    return KeySet(tuple(keys), tuple(skipped))


def _members(document: bytes, subject: str) -> list[object]:
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise BadKey(subject, "not JSON; a JWK set is wanted") from error
    members = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(members, list):
        raise BadKey(subject, "not a JWK set: an object with a list `keys` is wanted")
    return members


def _read_jwk(jwk: object) -> SigningKey:
    if not isinstance(jwk, dict):
        raise BadKey("JWK", "not an object")
    kid = jwk.get("kid")
    subject = f"JWK {ascii(kid)[:80]}"
    if kid is not None and not isinstance(kid, str):
        raise BadKey(subject, "`kid` is not a string")
    _refuse_other_purpose(jwk, subject)
    key = _public_key(jwk, subject, kid) if jwk.get("kty") != "oct" else _shared_key(jwk, subject, kid)
    return _narrowed(key, jwk.get("alg"), subject)


def _refuse_other_purpose(jwk: dict[str, Any], subject: str) -> None:
    if jwk.get("use", "sig") != "sig":
        raise BadKey(subject, "`use` is not sig")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise BadKey(subject, "`key_ops` does not hold verify")


def _narrowed(key: SigningKey, algorithm: object, subject: str) -> SigningKey:
    if algorithm is None:
        return key
    if not isinstance(algorithm, str) or algorithm not in key.algorithms:
        raise BadKey(
            subject,
            f"`alg` is not one of {', '.join(sorted(key.algorithms))}, which its type and length allow",
        )
    return SigningKey(key.kid, frozenset({algorithm}), key.material)


def _shared_key(jwk: dict[str, Any], subject: str, kid: str | None) -> SigningKey:
    return secret_key(_material(jwk, "HS256", subject), subject=subject, kid=kid)


def _public_key(jwk: dict[str, Any], subject: str, kid: str | None) -> SigningKey:
    if "d" in jwk:
        raise BadKey(subject, "a private key; publish only the public half, and replace this key")
    material: KeyMaterial
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            algorithm, material = "RS256", _rsa(jwk, subject)
        case "EC", "P-256":
            algorithm, material = "ES256", _material(jwk, "ES256", subject)
        case "OKP", "Ed25519":
            algorithm, material = "EdDSA", _material(jwk, "EdDSA", subject)
        case _:
            raise BadKey(subject, "`kty` and `crv` are none of oct, RSA, EC P-256, OKP Ed25519")
    return SigningKey(kid, frozenset({algorithm}), material)


def _rsa(jwk: dict[str, Any], subject: str) -> RSAPublicKey:
    key: RSAPublicKey = _material(jwk, "RS256", subject)
    if key.key_size not in _RSA_BITS:
        raise BadKey(subject, f"an RSA key has 2048 to 8192 bits, this one {key.key_size}")
    return key


def _material(jwk: dict[str, Any], algorithm: str, subject: str) -> Any:
    try:
        return jwt.PyJWK(jwk, algorithm).key
    except (jwt.PyJWTError, KeyError) as error:  # KeyError: PyJWT 2.15 on a missing `k`
        raise BadKey(subject, f"its numbers are not a key for {algorithm}") from error
