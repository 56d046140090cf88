"""From ``[auth]`` to the authenticator that it describes."""

from pathlib import Path

import pytest
from key_server import KeyServer
from token_keys import SECRET, ec_pair, jwks

from server.auth import AnonymousAuthenticator, TokenRefused, issue_token
from server.authentication import authenticator_of, secret_of
from server.config import AuthConfig
from server.signing_keys import BadKey


def _token(secret: bytes = SECRET, **claims: str) -> str:
    return issue_token(secret, sub="ada", ttl_s=60, **claims)  # type: ignore[arg-type]


@pytest.mark.gen_test
async def test_disabled_means_that_everybody_is_anonymous_and_may_everything() -> None:
    authenticator = authenticator_of(AuthConfig(mode="disabled", secret="is not looked at"))
    assert isinstance(authenticator, AnonymousAuthenticator)
    identity = await authenticator.identify(None)
    assert (identity.user, identity.admin, identity.expires_at) == ("anonymous", True, None)


@pytest.mark.gen_test
async def test_a_secret_and_a_file_with_it_let_in_the_same_tokens(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(SECRET + b"\n")
    for auth in (AuthConfig(mode="jwt", secret=SECRET.decode()), AuthConfig(mode="jwt", secret_file=str(file))):
        assert secret_of(auth) == SECRET
        assert (await authenticator_of(auth).identify(_token())).user == "ada"
        with pytest.raises(TokenRefused, match="signature"):
            await authenticator_of(auth).identify(_token(b"another secret, as long as it has to be"))


@pytest.mark.gen_test
async def test_audience_issuer_and_algorithms_are_passed_on() -> None:
    auth = AuthConfig(mode="jwt", secret=SECRET.decode() * 2, algorithms=("HS512",), audience="fanwire", issuer="app")
    authenticator, secret = authenticator_of(auth), SECRET * 2
    good = _token(secret, audience="fanwire", issuer="app", algorithm="HS512")
    assert (await authenticator.identify(good)).user == "ada"
    for token, reason in [
        (_token(secret, audience="fanwire", issuer="app", algorithm="HS256"), "algorithm"),
        (_token(secret, audience="other", issuer="app", algorithm="HS512"), "audience"),
        (_token(secret, audience="fanwire", issuer="other", algorithm="HS512"), "issuer"),
    ]:
        with pytest.raises(TokenRefused) as refused:
            await authenticator.identify(token)
        assert refused.value.reason == reason


@pytest.mark.gen_test
async def test_keys_come_from_a_file_or_a_url(tmp_path: Path) -> None:
    pair = ec_pair("k1")
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(pair.jwk()))
    keys = KeyServer(jwks(pair.jwk()))
    token = pair.sign({"sub": "ada", "exp": 4_000_000_000})
    for auth in (
        AuthConfig(mode="jwt", jwks_file=str(file), algorithms=("ES256",)),
        AuthConfig(mode="jwt", jwks_url=keys.url, algorithms=("ES256",)),
    ):
        assert (await authenticator_of(auth).identify(token)).user == "ada"
    keys.stop()


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    auth = AuthConfig(mode="jwt", secret_file=str(tmp_path / "missing"))
    with pytest.raises(BadKey, match=r"auth\.secret_file: No such file"):
        authenticator_of(auth)


def test_a_secret_that_is_too_short_is_refused_at_start() -> None:
    with pytest.raises(BadKey, match=r"auth\.secret: a secret has at least 32 bytes"):
        authenticator_of(AuthConfig(mode="jwt", secret="short"))


def test_without_any_key_the_settings_to_choose_from_are_named() -> None:
    with pytest.raises(BadKey, match="auth: set secret, secret_file, jwks_file or jwks_url"):
        authenticator_of(AuthConfig(mode="jwt"))
    assert secret_of(AuthConfig(mode="jwt")) is None
