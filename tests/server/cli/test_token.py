"""Tokens that ``fanwire token`` signs are those that the gateway accepts."""

import argparse
import time

import pytest

from server.auth import JwtAuthenticator
from server.cli import main
from server.cli.exit_codes import CommandFailed, ExitCode
from server.cli.token import parse_ttl, token_for
from server.config import AuthConfig
from server.signing_keys import StaticSecret

SECRET = "0123456789abcdef0123456789ABCDEF"
CLAIMS = {"sub": "alice", "subscribe": ["thread:*"], "publish": [], "admin": False, "ttl": 60.0}


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("1h", 3600), ("7d", 604800)])
def test_a_time_to_live_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert parse_ttl(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0h", "-1h", "1w", "1.5h", "h"])
def test_what_is_no_time_to_live_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a time such as"):
        parse_ttl(text)


@pytest.mark.gen_test
async def test_the_gateway_accepts_the_token_and_sees_its_claims() -> None:
    auth = AuthConfig(mode="jwt", secret=SECRET, audience="fanwire", issuer="us")
    gateway = JwtAuthenticator(StaticSecret(SECRET.encode()), auth.algorithms, "fanwire", "us")
    identity = await gateway.identify(token_for(auth, CLAIMS))
    assert (identity.user, identity.admin, identity.publish) == ("alice", False, ())
    assert [pattern.text for pattern in identity.subscribe] == ["thread:*"]
    assert identity.expires_at == pytest.approx(time.time() + 60, abs=5)


@pytest.mark.parametrize(
    ("auth", "rule"),
    [
        (AuthConfig(mode="jwt", jwks_file="keys.json"), "auth.secret: is not set"),
        (AuthConfig(mode="jwt", secret="short"), "at least 32 bytes"),
        (AuthConfig(mode="jwt", secret=SECRET, algorithms=("RS256",)), "auth.algorithms: must name HS256"),
        (AuthConfig(mode="jwt", secret_file="/nowhere"), "auth.secret_file"),
    ],
)
def test_a_secret_that_cannot_sign_is_a_problem_of_the_configuration(auth: AuthConfig, rule: str) -> None:
    with pytest.raises(CommandFailed, match=rule) as failed:
        token_for(auth, CLAIMS)
    assert failed.value.exit_code is ExitCode.CONFIG


def test_a_bad_pattern_is_a_usage_error() -> None:
    with pytest.raises(CommandFailed, match="subscribe") as failed:
        token_for(AuthConfig(mode="jwt", secret=SECRET), CLAIMS | {"subscribe": ["a b"]})
    assert failed.value.exit_code is ExitCode.USAGE


def test_only_the_token_is_on_stdout(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANWIRE_AUTH__SECRET", SECRET)
    monkeypatch.setenv("FANWIRE_URL", "http://127.0.0.1:1")
    assert main(["token", "--sub", "alice"]) == 0
    written = capsys.readouterr()
    assert written.out.count(".") == 2 and written.out.startswith("eyJ") and written.out.endswith("\n")
    assert written.err == ""
