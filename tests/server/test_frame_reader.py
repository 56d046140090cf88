"""Bytes in any pieces become whole messages; what RFC 6455 forbids has its close code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import CLOSE, PING, TEXT, frame_bytes

from server.frame_reader import BINARY, FrameReader, Received, Violation

CONTINUATION = 0


def everything(reader: FrameReader) -> list[Received]:
    return list(iter(reader.next, None))


def violation_of(data: bytes, max_bytes: int = 1000) -> Violation:
    reader = FrameReader(max_bytes)
    reader.feed(data)
    with pytest.raises(Violation) as broken:
        everything(reader)
    return broken.value


@given(
    messages=st.lists(st.tuples(st.sampled_from([TEXT, BINARY]), st.binary(max_size=70_000)), max_size=3),
    cuts=st.lists(st.integers(min_value=1, max_value=200), min_size=1),
)
def test_however_the_bytes_are_cut_the_messages_are_the_same(
    messages: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    data = b"".join(frame_bytes(opcode, payload) for opcode, payload in messages)
    reader, received = FrameReader(70_000), []
    for size in [*cuts, len(data)]:
        reader.feed(data[:size])
        data = data[size:]
        received += everything(reader)
    assert received == messages


def test_fragments_are_joined_and_control_frames_come_at_once() -> None:
    reader = FrameReader(10)
    reader.feed(
        frame_bytes(TEXT, b"ab", fin=False) + frame_bytes(PING, b"") + frame_bytes(CONTINUATION, b"c", fin=False)
    )
    assert everything(reader) == [(PING, b"")]
    reader.feed(frame_bytes(CONTINUATION, b"d") + frame_bytes(CLOSE, b""))
    assert everything(reader) == [(TEXT, b"abcd"), (CLOSE, b"")]


@pytest.mark.parametrize(
    "data",
    [
        b"\xc1\x80\0\0\0\0",  # a reserved bit
        b"\x83\x80\0\0\0\0",  # an opcode that nobody has defined
        b"\x8b\x80\0\0\0\0",
        frame_bytes(PING, b"", fin=False),
        b"\x89\xfe\x00\x7e",  # a control frame of 126 bytes
        frame_bytes(CONTINUATION, b""),
        frame_bytes(TEXT, b"", fin=False) + frame_bytes(TEXT, b""),
    ],
)
def test_an_illegal_frame_is_a_protocol_error(data: bytes) -> None:
    assert violation_of(data).code == 1002


def test_an_unmasked_frame_is_refused_before_its_payload_is_there() -> None:
    assert str(violation_of(b"\x81\x05")) == "frames from a client must be masked"


def test_a_message_that_is_too_big_is_refused_before_its_payload_is_there() -> None:
    assert violation_of(frame_bytes(TEXT, bytes(1001))[:8]).code == 1009
    assert violation_of(b"\x82\xff" + b"\xff" * 8).code == 1009
    assert violation_of(frame_bytes(TEXT, bytes(600), fin=False) + frame_bytes(CONTINUATION, bytes(401))).code == 1009


def test_a_message_of_just_the_bound_is_not_too_big_and_a_control_frame_has_its_own_bound() -> None:
    reader = FrameReader(5)
    reader.feed(frame_bytes(TEXT, b"123", fin=False) + frame_bytes(PING, bytes(125)) + frame_bytes(CONTINUATION, b"45"))
    assert everything(reader) == [(PING, bytes(125)), (TEXT, b"12345")]
