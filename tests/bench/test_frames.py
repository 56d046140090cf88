"""bench.frames: what the load generator writes and counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from bench.frames import client_frame, next_frame, server_frame


def _read_all(data: bytes) -> tuple[list[bytes], int]:
    payloads, at = [], 0
    while (frame := next_frame(data, at, len(data))) is not None:
        payloads.append(data[frame.start : frame.end])
        at = frame.end
    return payloads, at


@given(st.lists(st.binary(max_size=400)), st.data())
def test_joined_frames_are_found_wherever_the_stream_is_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(server_frame, payloads))
    cut = data.draw(st.integers(0, len(stream)))
    first, used = _read_all(stream[:cut])
    rest, _ = _read_all(stream[used:])
    assert first + rest == payloads


@pytest.mark.parametrize("size", [0, 125, 126, 65_535])
def test_a_client_frame_is_what_another_implementation_sends(size: int) -> None:
    other = Protocol(Side.CLIENT, state=State.OPEN, max_size=None)
    other.send_text(b"x" * size)
    theirs = other.data_to_send()[0]
    ours = client_frame(b"x" * size)
    assert ours[: -size - 4 or None] == theirs[: -size - 4 or None]
    assert len(ours) == len(theirs)
    assert ours[0] & 0x0F == Opcode.TEXT


def test_a_payload_that_does_not_fit_the_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="65536 bytes, at most 65535"):
        client_frame(bytes(65_536))
