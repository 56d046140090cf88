"""What the kernel is told about client connections. Set on the listener: accepted sockets inherit it on Linux."""

import socket

__all__ = ["SEND_BUFFER_BYTES", "tune_listener"]

SEND_BUFFER_BYTES = 64 * 1024
"""What the kernel may hold for one client (it takes twice that, for its own bookkeeping).

Left to itself it would grow to megabytes, and a reader that stopped would look healthy until they are full.
"""


def tune_listener(listener: socket.socket, write_stall_s: float) -> None:
    """Small frames go out at once; slowness shows early; a peer that acknowledges nothing is given up.

    ``write_stall_s``: seconds for which sent bytes may stay unacknowledged before the kernel ends the connection.
    Source: tcp(7).
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    # Twice the gateway's own patience: it closes with a reason, the kernel without.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(write_stall_s * 2000))
