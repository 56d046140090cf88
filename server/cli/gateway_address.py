"""Where a gateway is, for the commands that talk to one: ``--url`` and ``--token``, or the environment."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from server.cli.exit_codes import CommandFailed, ExitCode

__all__ = ["DEFAULT_URL", "GatewayAddress", "add_address_arguments", "address_from", "parse_address"]

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """A gateway's base URL (``http://host:8080`` or with a path in front of ``/api``) and a token for it."""

    url: str
    token: str | None = field(default=None, repr=False)

    @property
    def publish_url(self) -> str:
        return f"{self.url}/api/publish"

    @property
    def socket_url(self) -> str:
        """``ws://`` or ``wss://``, as the base URL is plain or TLS."""
        return f"ws{self.url.removeprefix('http')}/api/ws"


def add_address_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help=f"the gateway (default: $FANWIRE_URL, else {DEFAULT_URL})")
    parser.add_argument("--token", help="a token, see `fanwire token` (default: $FANWIRE_TOKEN)")


def address_from(arguments: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> GatewayAddress:
    """Raises: CommandFailed (2) where the URL or the token cannot be one."""
    url = arguments.url or environ.get("FANWIRE_URL") or DEFAULT_URL
    return parse_address(url, arguments.token or environ.get("FANWIRE_TOKEN") or None)


def parse_address(url: str, token: str | None = None) -> GatewayAddress:
    """Raises: CommandFailed (2) where ``url`` is no http(s) URL, or ``token`` holds what no token has."""
    try:
        parts = urlsplit(url)
        # Reading the port is what checks it.
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or not url.isprintable():
        raise CommandFailed(ExitCode.USAGE, f"--url: must look like {DEFAULT_URL}, not {url[:200]!a}")
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise CommandFailed(ExitCode.USAGE, "--token: must be a JWT: base64url characters and two dots")
    return GatewayAddress(url.rstrip("/"), token)
