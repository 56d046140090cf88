"""``fanwire token``: a signed token on stdout, and nothing else there, so that a shell can use it."""

import argparse
import os
import re
from collections.abc import Mapping

from server.auth import TokenRefused, issue_token
from server.authentication import secret_of
from server.cli.configuration import load
from server.cli.exit_codes import CommandFailed, ExitCode
from server.config import AuthConfig
from server.signing_keys import BadKey

__all__ = ["configure", "parse_ttl", "run", "token_for"]

_DESCRIPTION = """\
Sign a token with the gateway's own secret and print it. The secret is read from --config FILE,
FANWIRE_AUTH__SECRET or FANWIRE_AUTH__SECRET_FILE, never from the command line, which others can see.
Without --subscribe a token may only subscribe to user:<sub>; without --publish it may publish nothing."""

_EXAMPLES = """\
examples:
  export FANWIRE_AUTH__SECRET="$(openssl rand -hex 32)"
  fanwire token --sub alice --subscribe 'thread:*'
  fanwire token --sub backend --publish '*' --ttl 30d
  fanwire token --sub operator --admin --ttl 15m --config fanwire.toml

exit codes: 0 ok; 2 a claim breaks a rule; 3 there is no usable secret"""

_TTL = re.compile(r"(\d{1,9})([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("--sub", required=True, metavar="U", help="the user's id")
    parser.add_argument("--subscribe", action="append", default=[], metavar="PATTERN", help="thread:42, agent:* or *")
    parser.add_argument("--publish", action="append", default=[], metavar="PATTERN", help="likewise")
    parser.add_argument("--admin", action="store_true", help="may use the ops API")
    parser.add_argument("--ttl", type=parse_ttl, default=3600.0, help="90s, 30m, 1h or 7d (default: 1h)")
    parser.add_argument("--config", metavar="FILE", help="the gateway's TOML file")


def run(arguments: argparse.Namespace) -> int:
    # A token is for a gateway that checks tokens, whatever mode this shell is set to.
    environ = {**os.environ, "FANWIRE_AUTH__MODE": "jwt"}
    loaded = load({}, environ, arguments.config)
    print(token_for(loaded.config.auth, vars(arguments)))
    return ExitCode.OK


def parse_ttl(text: str) -> float:
    """Seconds of ``90s``, ``30m``, ``1h``, ``7d`` or plain ``90``. Raises: argparse.ArgumentTypeError."""
    found = _TTL.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"must be a time such as 90s, 30m, 1h or 7d, not {text[:40]!r}")
    return float(int(found[1]) * _SECONDS[found[2]])


def token_for(auth: AuthConfig, claims: Mapping[str, object]) -> str:
    """A token that a gateway with these settings accepts.

    ``claims``: ``sub``, ``subscribe``, ``publish``, ``admin``, ``ttl`` (seconds).
    Raises: CommandFailed (3 where the secret cannot sign, 2 where a claim breaks a rule).
    """
    try:
        secret = secret_of(auth)
        if secret is None:
            rule = "only a shared secret can sign here; with a JWKS, its owner issues the tokens"
            raise CommandFailed(ExitCode.CONFIG, f"auth.secret: is not set; {rule}")
        return _signed(secret, auth, claims)
    except BadKey as error:
        raise CommandFailed(ExitCode.CONFIG, str(error)) from None
    except TokenRefused as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None


def _signed(secret: bytes, auth: AuthConfig, claims: Mapping[str, object]) -> str:
    ours = [algorithm for algorithm in auth.algorithms if algorithm.startswith("HS")]
    if not ours:
        rule = "must name HS256, HS384 or HS512 for a token signed with auth.secret"
        raise CommandFailed(ExitCode.CONFIG, f"auth.algorithms: {rule}")
    return issue_token(
        secret,
        sub=str(claims["sub"]),
        subscribe=_patterns(claims["subscribe"]),
        publish=_patterns(claims["publish"]),
        admin=bool(claims["admin"]),
        ttl_s=float(str(claims["ttl"])),
        audience=auth.audience,
        issuer=auth.issuer,
        algorithm=ours[0],
    )


def _patterns(value: object) -> list[str]:
    assert isinstance(value, list)
    return value
