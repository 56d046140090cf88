"""Who is on the other end of a request: its address and its Origin. Pure functions over headers."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

__all__ = ["Network", "client_address", "networks_from", "origin_is_allowed"]

Network = IPv4Network | IPv6Network

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def networks_from(entries: Sequence[str]) -> tuple[Network, ...]:
    """The networks of ``server.trusted_proxies``; an address is a network of one."""
    return tuple(ip_network(entry, strict=False) for entry in entries)


def client_address(remote: str, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """The address that limits count: the last one that a trusted proxy did not add.

    ``forwarded_for`` is the X-Forwarded-For header; from anybody but a trusted proxy it is not believed.
    """
    if forwarded_for is None:
        return remote
    hops = [*(hop.strip() for hop in forwarded_for.split(",")), remote]
    while len(hops) > 1 and _is_in(hops[-1], trusted):
        hops.pop()
    return hops[-1] if _is_address(hops[-1]) else remote


def origin_is_allowed(origin: str | None, own: str, allowed: Sequence[str]) -> bool:
    """Whether a page of ``origin`` may use this gateway, which it reached as ``own`` (``scheme://host:port``).

    Exact scheme, host and port, of its own origin or a listed one. Without the header it is no browser.
    """
    if origin is None:
        return True
    asked = _origin_key(origin)
    if asked is None:
        return False
    return origin == own or any(asked == _origin_key(entry) for entry in (own, *allowed))


def _origin_key(origin: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    is_more = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if not parts.hostname or port is None or is_more:
        return None
    return parts.scheme, parts.hostname, port


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    if not _is_address(address):
        return False
    ip = ip_address(address)
    return any(ip in network for network in networks)
