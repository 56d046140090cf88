"""Real key pairs for the tests of token checks, and the JWK sets that publish them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from server.signing_keys import SigningKey, parse_jwks

__all__ = [
    "SECRET",
    "ManualClock",
    "PublishedKeys",
    "SigningPair",
    "b64",
    "ec_pair",
    "ed25519_pair",
    "hs256",
    "jwks",
    "kids",
    "rsa_pair",
]

SECRET = b"0123456789abcdef0123456789ABCDEF"


@dataclass
class ManualClock:
    """Seconds that pass only when a test says so."""

    seconds: float = 1_719_958_453.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class SigningPair:
    """A private key to sign with, under a name, and its public half as a JWK."""

    kid: str
    algorithm: str
    private: Any

    def jwk(self, **more: object) -> dict[str, object]:
        public = get_default_algorithms()[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        members = {name: value for name, value in public.items() if name != "key_ops"}
        return members | {"kid": self.kid} | more

    def sign(self, claims: dict[str, object], **header: object) -> str:
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid} | header)


def rsa_pair(kid: str, bits: int = 2048) -> SigningPair:
    return SigningPair(kid, "RS256", rsa.generate_private_key(65537, bits))


def ec_pair(kid: str) -> SigningPair:
    return SigningPair(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))


def ed25519_pair(kid: str) -> SigningPair:
    return SigningPair(kid, "EdDSA", ed25519.Ed25519PrivateKey.generate())


def jwks(*members: object) -> bytes:
    return json.dumps({"keys": list(members)}).encode()


class PublishedKeys:
    """The keys of a JWK set that does not change."""

    def __init__(self, *members: object) -> None:
        self._keys = parse_jwks(jwks(*members), subject="test")

    async def keys_for(self, kid: str | None) -> Sequence[SigningKey]:
        return self._keys.named(kid)


def b64(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hs256(header: object, payload: object, secret: bytes = SECRET) -> str:
    """A token with a good signature under any header, also those that PyJWT would not sign."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def kids(keys: Sequence[SigningKey]) -> list[str | None]:
    return [key.kid for key in keys]
