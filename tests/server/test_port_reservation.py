"""The port that workers share: one number for all, no connection for the parent, no second gateway on it."""

import socket

import pytest

from server.port_reservation import PortReservation


def _listener(port: int, *, shared: bool) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


def test_port_0_becomes_one_that_workers_can_share() -> None:
    reservation = PortReservation("127.0.0.1", 0)
    with _listener(reservation.port, shared=True) as one, _listener(reservation.port, shared=True) as other:
        assert one.getsockname() == other.getsockname()
    reservation.close()


def test_no_connection_goes_to_who_only_reserves() -> None:
    reservation = PortReservation("127.0.0.1", 0)
    with _listener(reservation.port, shared=True) as listener:
        listener.settimeout(2)
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", reservation.port), timeout=2):
                listener.accept()[0].close()
    reservation.close()


@pytest.mark.parametrize("shared", [True, False])
def test_a_port_that_somebody_listens_on_is_not_to_be_had_even_if_he_would_share_it(shared: bool) -> None:
    with _listener(0, shared=shared) as listener, pytest.raises(OSError, match="Address already in use"):
        PortReservation("127.0.0.1", listener.getsockname()[1])


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match="Cannot assign requested address"):
        PortReservation("192.0.2.1", 0)
