"""What the load generator says to every server and looks for in its answers: the same texts for all of them.

The texts are envelopes of Fanwire's protocol; the peers understand as much of it as they need.
"""

import json

__all__ = [
    "COUNTER_DIGITS",
    "DELIVERY_MARK",
    "ERROR_MARK",
    "HANDSHAKE_ACCEPT",
    "HANDSHAKE_KEY",
    "ID_PREFIX",
    "PATH",
    "READY_MARK",
    "SUBPROTOCOL",
    "SUBSCRIBE",
    "counter_offset",
    "publish_text",
]

PATH = "/api/ws"
SUBPROTOCOL = "fanwire.v1"

# The sample key of RFC 6455 §1.3 and its answer, so that nobody here needs SHA-1 to check a handshake.
HANDSHAKE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

DELIVERY_MARK = '"bench.tick"'
READY_MARK = '"subscribed"'
ERROR_MARK = '"error"'

# A valid uuid4 whose last group is a counter: a server that drops duplicates must not find any.
ID_PREFIX = "b3a7c001-5d1e-4f00-8bad-"
COUNTER_DIGITS = 12


def _compact(envelope: dict[str, object]) -> str:
    return json.dumps(envelope, separators=(",", ":"))


SUBSCRIBE = _compact(
    {
        "v": 1,
        "id": "5ab5c21b-5d1e-4f00-8bad-000000000000",
        "topic": "system",
        "type": "subscribe",
        "data": {"topics": ["bench:fan_out"]},
    }
)


def publish_text(delivered_bytes: int, added_by_server: int) -> str:
    """The JSON text to publish so that about ``delivered_bytes`` of payload reach each subscriber.

    ``added_by_server`` is how many bytes the server puts into the envelope on its way (0 for an echo).
    """
    envelope: dict[str, object] = {
        "v": 1,
        "id": ID_PREFIX + "0" * COUNTER_DIGITS,
        "topic": "bench:fan_out",
        "type": "bench.tick",
        "data": {"text": ""},
    }
    padding = delivered_bytes - added_by_server - len(_compact(envelope))
    return _compact(envelope | {"data": {"text": "x" * max(0, padding)}})


def counter_offset(publish: str) -> int:
    """Where in ``publish`` the digits begin that change from message to message."""
    return publish.index(ID_PREFIX) + len(ID_PREFIX)
