"""The port that several workers share: chosen once, and kept by the parent while workers come and go."""

import socket

__all__ = ["PortReservation"]


class PortReservation:
    """Owns sockets that are bound to an address and never listen, so that no connection ever goes to them.

    Each worker listens on a socket of its own with SO_REUSEPORT, and the kernel spreads connections over them.
    Source: socket(7).
    """

    def __init__(self, host: str, port: int) -> None:
        """``port`` 0 takes a free one. Raises: OSError where the address cannot be had."""
        self.port = port
        self._sockets: list[socket.socket] = []
        try:
            for family, address in _addresses(host, port):
                self._reserve(family, address)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        while self._sockets:
            self._sockets.pop().close()

    def _reserve(self, family: socket.AddressFamily, address: str) -> None:
        # SO_REUSEPORT would let two gateways share a port unnoticed: the first look is without it.
        with _bound(family, address, self.port, shared=False) as probe:
            self.port = int(probe.getsockname()[1])
        self._sockets.append(_bound(family, address, self.port, shared=True))


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bound(family: socket.AddressFamily, address: str, port: int, *, shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((address, port))
    except OSError:
        bound.close()
        raise
    return bound
