"""Addresses and URLs: which of them stay on this machine, and which may be believed. Pure."""

from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["is_loopback", "is_trustworthy"]


def is_loopback(host: str) -> bool:
    """Whether ``host`` (name or address, IPv6 with or without brackets) is this machine talking to itself."""
    try:
        return host == "localhost" or ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        # A name that is not an address may resolve to anything.
        return False


def is_trustworthy(url: str) -> bool:
    """Whether nobody on the way can change what ``url`` answers: https, or http that stays on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
