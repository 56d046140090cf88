"""Key sets that change while we run: a JWKS file, or an https URL. Each source owns its copy of the keys.

Both answer from memory, look again when their copy is old or a token names a key that it lacks, and keep
the keys they have when a look fails. How often they look is bounded, whatever names strangers send.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tornado.httpclient import HTTPError
from tornado.httputil import HTTPInputError
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from server.addresses import is_trustworthy
from server.signing_keys import BadKey, KeySet, KeysUnavailable, SigningKey, parse_jwks

__all__ = ["MAX_JWKS_BYTES", "JwksFile", "JwksUrl"]

MAX_JWKS_BYTES = 256 * 1024

_logger = logging.getLogger(__name__)


def _note_skipped(subject: str, keys: KeySet) -> KeySet:
    for reason in keys.skipped:
        _logger.info("%s: key skipped: %s", subject, reason)
    return keys


class JwksFile:
    """A JWKS file, read again when it changed or lacks a token's ``kid``, once in ``reread_s`` at most.

    Raises:
        BadKey: at construction, when the file cannot be read or holds no usable key. A file that turns bad
            later keeps the old keys and is reported by one warning.
    """

    def __init__(self, path: str | Path, *, now: Callable[[], float] = time.monotonic, reread_s: float = 1.0) -> None:
        self._path = Path(path)
        self._subject = f"auth.jwks_file {path}"
        self._now = now
        self._reread_s = reread_s
        self._read_at = now()
        self._version: tuple[int, int, int] | None = None
        self._warned: str | None = None
        self._keys = self._read()

    async def keys_for(self, kid: str | None) -> Sequence[SigningKey]:
        if self._now() - self._read_at >= self._reread_s:
            self._look_again(lacking=not self._keys.named(kid))
        return self._keys.named(kid)

    def _look_again(self, *, lacking: bool) -> None:
        try:
            if lacking or self._stat() != self._version:
                self._read_at = self._now()
                self._keys = self._read()
                self._warned = None
        except BadKey as flaw:
            self._warn_once(str(flaw))

    def _warn_once(self, flaw: str) -> None:
        if flaw != self._warned:
            self._warned = flaw
            _logger.warning("%s; the keys read before stay in use", flaw)

    def _read(self) -> KeySet:
        # The version is taken before the bytes: a write in between is then seen as one more change.
        self._version = self._stat()
        try:
            with self._path.open("rb") as file:
                document = file.read(MAX_JWKS_BYTES + 1)
        except OSError as error:
            raise BadKey(self._subject, f"cannot be read: {error.strerror}") from error
        if len(document) > MAX_JWKS_BYTES:
            raise BadKey(self._subject, f"larger than {MAX_JWKS_BYTES} bytes")
        return _note_skipped(self._subject, parse_jwks(document, subject=self._subject))

    def _stat(self) -> tuple[int, int, int]:
        try:
            stat = self._path.stat()
        except OSError as error:
            raise BadKey(self._subject, f"cannot be read: {error.strerror}") from error
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


class JwksUrl:
    """A JWKS behind a URL: https, or http on a loopback host; no redirects, at most 256 KiB.

    Keys are used for ``ttl_s`` seconds and, where no newer ones can be had, for ``stale_s``. Two looks are at
    least ``refresh_s`` apart, ``first_retry_s`` as long as there are no keys at all, and each ends within
    ``timeout_s``. Callers that need the same look share it.

    Raises:
        BadKey: at construction, when the URL is not one of those.
    """

    def __init__(
        self,
        url: str,
        *,
        now: Callable[[], float] = time.monotonic,
        ttl_s: float = 300.0,
        stale_s: float = 3600.0,
        refresh_s: float = 10.0,
        first_retry_s: float = 1.0,
        timeout_s: float = 5.0,
    ) -> None:
        _require_trustworthy(url)
        self._url = url
        self._now = now
        self._ttl_s, self._stale_s = ttl_s, stale_s
        self._refresh_s, self._first_retry_s = refresh_s, first_retry_s
        self._timeout_s = timeout_s
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._failing = False
        self._refresh: asyncio.Task[None] | None = None

    async def keys_for(self, kid: str | None) -> Sequence[SigningKey]:
        lacking = not self._named(kid)
        if lacking or self._age() >= self._ttl_s:
            self._start_refresh()
            # While the URL is failing, only those wait for it whom the keys at hand cannot serve.
            if self._refresh and (lacking or not self._failing):
                # Shielded: one caller going away must not take the answer from the others.
                await asyncio.shield(self._refresh)
        if self._keys is None or self._age() >= self._stale_s:
            raise KeysUnavailable(f"no fresh keys from {self._url}")
        return self._named(kid)

    def _named(self, kid: str | None) -> Sequence[SigningKey]:
        return self._keys.named(kid) if self._keys and self._age() < self._stale_s else ()

    def _age(self) -> float:
        return self._now() - self._fetched_at

    def _start_refresh(self) -> None:
        pause_s = self._first_retry_s if self._keys is None else self._refresh_s
        if self._refresh is None and self._now() - self._tried_at >= pause_s:
            self._tried_at = self._now()
            self._refresh = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            self._keys = _note_skipped(self._url, await _download(self._url, self._timeout_s))
            self._fetched_at = self._tried_at
            self._failing = False
        except (BadKey, HTTPError, HTTPInputError, OSError, UnicodeError) as error:
            self._failing = True
            _logger.warning("JWKS %s not refreshed, keys at hand stay in use: %s", self._url, error)
        finally:
            self._refresh = None


async def _download(url: str, timeout_s: float) -> KeySet:
    # A client per look: its limits are ours alone, and nothing stays open for the minutes between two looks.
    client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=MAX_JWKS_BYTES)
    try:
        # Undecompressed, because a compressed body can be a thousand times what the size limit saw.
        response = await client.fetch(
            url,
            follow_redirects=False,
            decompress_response=False,
            connect_timeout=timeout_s,
            request_timeout=timeout_s,
            headers={"Accept": "application/json"},
        )
        return parse_jwks(response.body, subject=f"auth.jwks_url {url}")
    finally:
        client.close()


def _require_trustworthy(url: str) -> None:
    if not is_trustworthy(url):
        raise BadKey("auth.jwks_url", "must be https://… (http only on a loopback host)")
    if "@" in urlsplit(url).netloc:
        raise BadKey("auth.jwks_url", "holds a user name or password, which would reach the log; leave it out")
