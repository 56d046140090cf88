"""bench.footprint: sockets that are held are counted, and the peak forgets what was before its reset."""

import os
import socket

import pytest

from bench.footprint import open_sockets, peak_rss_bytes, reset_peak_rss, waited_for_core_s

MIB = 1024 * 1024


def test_a_socket_counts_while_it_is_open() -> None:
    before = open_sockets(os.getpid())
    with socket.socket():
        assert open_sockets(os.getpid()) == before + 1
    assert open_sockets(os.getpid()) == before


def test_the_peak_keeps_memory_that_is_gone_until_it_is_reset() -> None:
    reset_peak_rss(os.getpid())
    before = peak_rss_bytes(os.getpid())
    block = bytearray(b"x") * (64 * MIB)
    del block
    assert peak_rss_bytes(os.getpid()) > before + 50 * MIB
    reset_peak_rss(os.getpid())
    assert peak_rss_bytes(os.getpid()) < before + 50 * MIB


def test_time_on_the_run_queue_never_goes_back() -> None:
    before = waited_for_core_s(os.getpid())
    assert waited_for_core_s(os.getpid()) >= before >= 0


def test_a_process_that_is_gone_is_an_error_and_not_a_zero() -> None:
    with pytest.raises(FileNotFoundError):
        open_sockets(2**22 + 1)
