"""The rules among settings, and those beyond one setting's type and bounds.

Pure: a ``Config`` in, broken rules out.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import NamedTuple

from server.addresses import is_loopback, is_trustworthy
from server.config import Config

__all__ = ["BrokenRule", "broken_rules"]


class BrokenRule(NamedTuple):
    """A rule that a whole configuration breaks: the keys it is about, the one to report first."""

    keys: tuple[str, ...]
    rule: str


def broken_rules(config: Config) -> Iterator[BrokenRule]:
    """Every rule between settings, or beyond a setting's type and bounds, that ``config`` breaks."""
    for check in (_auth, _exposure, _sizes, _names, _addresses):
        yield from check(config)


_KEY_SOURCES = ("secret", "secret_file", "jwks_file", "jwks_url")
_ALGORITHMS = ("HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA")


def _auth(config: Config) -> Iterator[BrokenRule]:
    auth = config.auth
    if auth.mode is None:
        ways = 'start with --dev to try things out, or set auth.mode = "jwt" and auth.secret'
        yield BrokenRule(("auth.mode",), f"is not set, and who may connect has no default; {ways}")
    given = [name for name in _KEY_SOURCES if getattr(auth, name) is not None]
    if auth.mode == "jwt" and len(given) != 1:
        keys = ("auth.mode", *(f"auth.{name}" for name in _KEY_SOURCES))
        found = ", ".join(given) or "none"
        yield BrokenRule(keys, f'"jwt" needs exactly one of {", ".join(keys[1:])}; given: {found}')
    if not auth.algorithms or not set(auth.algorithms) <= set(_ALGORITHMS):
        yield BrokenRule(("auth.algorithms",), f"must name one or more of {', '.join(_ALGORITHMS)}")
    if auth.jwks_url is not None and not is_trustworthy(auth.jwks_url):
        yield BrokenRule(("auth.jwks_url",), "must be an https:// URL (http:// only for loopback)")


def _exposure(config: Config) -> Iterator[BrokenRule]:
    if is_loopback(config.server.host):
        return
    keys = ("server.host", "auth.mode")
    if config.server.dev:
        yield BrokenRule(keys, "must be a loopback address with --dev, such as 127.0.0.1")
    elif config.auth.mode == "disabled":
        rule = 'must be a loopback address while auth.mode is "disabled"; set "jwt" to listen further'
        yield BrokenRule(keys, rule)


def _sizes(config: Config) -> Iterator[BrokenRule]:
    if config.heartbeat.timeout_s <= config.heartbeat.interval_s:
        keys = ("heartbeat.timeout_s", "heartbeat.interval_s")
        yield BrokenRule(keys, "must be greater than heartbeat.interval_s, or every client is taken for dead")
    if config.mailbox.bytes < config.server.max_frame_bytes:
        keys = ("mailbox.bytes", "server.max_frame_bytes")
        yield BrokenRule(keys, "must be at least server.max_frame_bytes, or a large frame never fits")
    if config.server.workers > 1 and _scheme(config.bus.url) == "memory":
        rule = "must be 1 with the memory bus, which no other process can reach; set bus.url for more"
        yield BrokenRule(("server.workers", "bus.url"), rule)


_NAMESPACE = re.compile(r"[A-Za-z0-9_.@/-]{1,255}")
_MESSAGE_TYPE = re.compile(r"[a-z0-9_.]{1,64}")
_STATSD_PREFIX_MAX = 100
_STATSD_PREFIX = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def _names(config: Config) -> Iterator[BrokenRule]:
    for namespace, topic in config.topics.items():
        if namespace == "system" or not _NAMESPACE.fullmatch(namespace):
            rule = "is not a namespace: 1 to 255 of A-Z a-z 0-9 _ . @ / - and not system, which is reserved"
            yield BrokenRule((f"topics.{namespace}",), rule)
        if not all(_MESSAGE_TYPE.fullmatch(name) for name in topic.final):
            yield BrokenRule((f"topics.{namespace}.final",), "must list message types: 1 to 64 of a-z 0-9 _ .")
    prefix = config.statsd.prefix
    if len(prefix) > _STATSD_PREFIX_MAX or not _STATSD_PREFIX.fullmatch(prefix):
        rule = f"must be words of A-Z a-z 0-9 _ - with dots between them, {_STATSD_PREFIX_MAX} characters at most"
        yield BrokenRule(("statsd.prefix",), rule)


# An Origin header carries exactly this, in lower case, so anything else would never match.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


_BUS_PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HOST = re.compile(r"[^\s/@\[\]]+")


def _addresses(config: Config) -> Iterator[BrokenRule]:
    if config.statsd.host is not None and not _HOST.fullmatch(config.statsd.host):
        yield BrokenRule(("statsd.host",), "must be a host name or an IP address, without brackets, port or blanks")
    if not all(map(_ORIGIN.fullmatch, config.server.allowed_origins)):
        rule = "must list origins as browsers send them: scheme://host[:port] in lower case, no path, no *"
        yield BrokenRule(("server.allowed_origins",), rule)
    if not all(map(_is_network, config.server.trusted_proxies)):
        rule = "must list IP addresses or networks, such as 10.0.0.7 or 10.0.0.0/8"
        yield BrokenRule(("server.trusted_proxies",), rule)
    if _scheme(config.bus.url) not in {"memory", "redis", "rediss", "unix", "nats", "tls"}:
        redis, nats = "redis://host:6379/0 (rediss:// with TLS, unix:///path)", "nats://host:4222 (tls:// with TLS)"
        rule = f"must be memory://, {redis} or {nats}"
        yield BrokenRule(("bus.url",), rule)
    if not _BUS_PREFIX.fullmatch(config.bus.prefix):
        yield BrokenRule(("bus.prefix",), "must be 1 to 64 of a-z A-Z 0-9 _ . -")


def _is_network(entry: str) -> bool:
    try:
        ip_network(entry)
    except ValueError:
        return False
    return True


def _scheme(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme if separator else ""
