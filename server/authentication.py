"""From ``[auth]`` to the authenticator that it describes."""

from pathlib import Path

from server.auth import AnonymousAuthenticator, Authenticator, JwtAuthenticator
from server.config import AuthConfig
from server.jwks import JwksFile, JwksUrl
from server.signing_keys import BadKey, KeySource, StaticSecret

__all__ = ["authenticator_of", "secret_of"]


def authenticator_of(auth: AuthConfig) -> Authenticator:
    """Raises: BadKey where a secret or a key file is not usable, naming the setting."""
    if auth.mode == "disabled":
        return AnonymousAuthenticator()
    return JwtAuthenticator(_keys_of(auth), auth.algorithms, auth.audience, auth.issuer)


def secret_of(auth: AuthConfig) -> bytes | None:
    """The HMAC secret of ``auth.secret`` or ``auth.secret_file``. Raises: BadKey where it cannot be read."""
    if auth.secret is not None:
        return auth.secret.encode()
    if auth.secret_file is None:
        return None
    try:
        return Path(auth.secret_file).read_bytes().strip()
    except OSError as unreadable:
        raise BadKey("auth.secret_file", unreadable.strerror or "cannot be read") from unreadable


def _keys_of(auth: AuthConfig) -> KeySource:
    if auth.jwks_url is not None:
        return JwksUrl(auth.jwks_url)
    if auth.jwks_file is not None:
        return JwksFile(auth.jwks_file)
    secret = secret_of(auth)
    if secret is None:
        raise BadKey("auth", "set secret, secret_file, jwks_file or jwks_url")
    return StaticSecret(secret)
