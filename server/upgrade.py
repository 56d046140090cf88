"""The opening handshake of a WebSocket (RFC 6455 §4.2): whether a request is one, and its answer. Pure."""

import base64
import hashlib
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["UpgradeFlaw", "is_upgrade", "switching_protocols", "upgrade_flaw"]

VERSION = "13"
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class UpgradeFlaw(NamedTuple):
    """Why a request cannot become a WebSocket: an HTTP status, and the rule that it breaks."""

    status: int
    rule: str


def is_upgrade(headers: Mapping[str, str]) -> bool:
    return headers.get("Upgrade", "").lower() == "websocket"


def upgrade_flaw(headers: Mapping[str, str]) -> UpgradeFlaw | None:
    """None where ``headers``, those of a request with ``Upgrade: websocket``, make an opening handshake."""
    options = headers.get("Connection", "").lower().split(",")
    if "upgrade" not in (option.strip() for option in options):
        return UpgradeFlaw(400, "Connection: must be Upgrade")
    if headers.get("Sec-WebSocket-Version") != VERSION:
        return UpgradeFlaw(426, f"Sec-WebSocket-Version: must be {VERSION}")
    if not headers.get("Sec-WebSocket-Key") or not headers.get("Host"):
        return UpgradeFlaw(400, "Sec-WebSocket-Key and Host: must be given")
    return None


def switching_protocols(key: str, subprotocol: str | None) -> bytes:
    """The answer, 101, to a handshake of that ``Sec-WebSocket-Key``."""
    accept = base64.b64encode(hashlib.sha1(key.encode("latin-1") + _MAGIC, usedforsecurity=False).digest())
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept.decode()}",
        *([] if subprotocol is None else [f"Sec-WebSocket-Protocol: {subprotocol}"]),
    ]
    return "\r\n".join([*lines, "", ""]).encode()
