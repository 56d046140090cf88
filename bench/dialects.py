"""How a server wants to be spoken to: where to connect, what to say first, how to wrap a message. Owns no state.

Most understand the texts of ``bench/dialogue.py`` as they are. Where a peer has a protocol of its own, it is the load
generator that speaks it, and not an adapter in front of the peer, which would be measured with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.dialogue import HANDSHAKE_KEY, PATH, SUBPROTOCOL, SUBSCRIBE

__all__ = ["DIALECTS", "ENVELOPES", "NCHAN", "SOCKET_IO", "Dialect", "handshake"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of one protocol over WebSocket.

    ``subscriber_path`` and ``publisher_path`` are where each connects. ``subscribe`` and ``greeting`` are what each
    says first, to be answered by a text with READY_MARK in it; with "" it says nothing and waits for nothing, as the
    address has said it all. ``wrapping`` is the text around a published envelope, which stands where the braces are.
    """

    name: str
    subscriber_path: str = PATH
    publisher_path: str = PATH
    subscribe: str = SUBSCRIBE
    greeting: str = ""
    wrapping: str = "{}"

    def wrap(self, envelope: str) -> str:
        """The text that publishes ``envelope``."""
        return self.wrapping.replace("{}", envelope)

    def subscriber_handshake(self, port: int) -> str:
        """The upgrade request of a subscriber, as ``handshake`` has it."""
        return handshake(port, self.subscriber_path)

    def publisher_handshake(self, port: int) -> str:
        """The upgrade request of the publisher, as ``handshake`` has it."""
        return handshake(port, self.publisher_path)


def handshake(port: int, path: str = PATH) -> str:
    """The upgrade request to 127.0.0.1:``port``, headers and the empty line after them."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {HANDSHAKE_KEY}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    )


ENVELOPES = Dialect("envelopes")

# A channel is an address. Its subscriptions are in place with the answer to the handshake; were one not, the load
# generator would miss a message, and say so.
NCHAN = Dialect("nchan", subscriber_path="/subscribe", publisher_path="/publish", subscribe="")

# Engine.IO 4 over WebSocket: "40" opens the namespace, with what the client shows as its auth; "42" is an event.
_SOCKET_IO_PATH = "/socket.io/?EIO=4&transport=websocket"
SOCKET_IO = Dialect(
    "socket.io",
    subscriber_path=_SOCKET_IO_PATH,
    publisher_path=_SOCKET_IO_PATH,
    subscribe='40{"topics":["bench:fan_out"]}',
    greeting='40{"topics":[]}',
    wrapping='42["publish",{}]',
)

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (ENVELOPES, NCHAN, SOCKET_IO)}
