"""Dial: how to reach the servers that a URL names. The password stays here and in no text of an error."""

import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from nats.aio.client import Client

__all__ = ["Dial", "NotEncrypted"]

NEVER_S = 86_400  # nats-py's own pings: this bus looks for signs of life itself


class NotEncrypted(Exception):
    """The URL asks for TLS and the server does not offer it: it was told no password."""


class Dial:
    """``nats://user:password@host:4222``, ``nats://token@host``, ``tls://…``; several servers with commas.

    nats-py does not reconnect by itself here, which would hide the moment in which live messages were missed.
    """

    def __init__(self, url: str, connect_s: float) -> None:
        """Raises: ValueError where ``url`` cannot be read; its text has nothing of the URL."""
        scheme, _, rest = url.partition("://")
        login, _, hosts = rest.rpartition("@")
        self._secure = scheme == "tls"
        self._servers = [_server(scheme, host) for host in hosts.rstrip("/").split(",")]
        self._user, has_password, self._password = login.partition(":")
        self._is_token = bool(login) and not has_password
        self._connect_s = connect_s

    async def connect(self, client: Client, on_error: Callable[[Exception], None]) -> None:
        """Raises: nats.errors.Error, OSError, NotEncrypted."""

        async def error_cb(error: Exception) -> None:
            on_error(error)

        await client.connect(
            self._servers,
            name="fanwire",
            error_cb=error_cb,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=self._connect_s,  # type: ignore[arg-type]  # seconds, and any number will do
            ping_interval=NEVER_S,
            **self._login(client),
        )

    def _login(self, client: Client) -> dict[str, Any]:
        def told(value: str) -> Callable[[], str]:
            return lambda: self._unless_plain(client, unquote(value))

        settings: dict[str, Any] = {"tls": ssl.create_default_context()} if self._secure else {}
        if self._is_token:
            return settings | {"token": told(self._user)}
        if self._user:
            return settings | {"user": told(self._user), "password": told(self._password)}
        return settings

    def _unless_plain(self, client: Client, secret: str) -> str:
        """nats-py encrypts only where the server says that it wants it, whatever the scheme of the URL."""
        if self._secure and not client._server_info.get("tls_required"):
            raise NotEncrypted("the server does not offer TLS, which tls:// asks for")
        return secret


def _server(scheme: str, host: str) -> str:
    try:
        parts = urlsplit(f"nats://{host}")
        port = parts.port or 4222
    except ValueError:
        raise ValueError("is not a NATS URL: nats://user:password@host:4222") from None
    if not parts.hostname or parts.path or parts.query:
        raise ValueError("is not a NATS URL: nats://user:password@host:4222")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{scheme}://{name}:{port}"
