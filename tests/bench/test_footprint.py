"""bench.footprint: sockets that are held are counted, and the peak forgets what was before its reset."""

import os
import socket
from pathlib import Path

import pytest

from bench.footprint import (
    open_descriptors,
    open_sockets,
    peak_rss_bytes,
    reset_peak_rss,
    resident,
    waited_for_core_s,
)

MIB = 1024 * 1024


def test_a_socket_counts_while_it_is_open() -> None:
    before = open_sockets(os.getpid())
    with socket.socket():
        assert open_sockets(os.getpid()) == before + 1
    assert open_sockets(os.getpid()) == before


def test_a_descriptor_counts_while_it_is_open() -> None:
    before = open_descriptors(os.getpid())
    with socket.socket(), Path(os.devnull).open():
        assert open_descriptors(os.getpid()) == before + 2
    assert open_descriptors(os.getpid()) == before


def test_memory_is_resident_once_it_is_written_to_and_shared_pages_are_divided() -> None:
    before = resident(os.getpid())
    block = bytearray(b"x") * (64 * MIB)
    grown = resident(os.getpid())
    assert len(block) == 64 * MIB
    assert 60 * MIB < grown.rss_bytes - before.rss_bytes < 80 * MIB
    assert 60 * MIB < grown.pss_bytes - before.pss_bytes < 80 * MIB
    assert grown.pss_bytes <= grown.rss_bytes


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
