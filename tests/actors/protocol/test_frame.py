"""Frames, read by the websockets library: a peer that knows nothing of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame
from websockets.streams import StreamReader

from actors.protocol.codes import close_reason
from actors.protocol.frame import CLOSE, PING, PONG, TEXT, close_frame, frame_of, text_frame

LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]


def read_by_websockets(data: bytes) -> list[Frame]:
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    frames = []
    while True:
        parsing = Frame.parse(reader.read_exact, mask=False)
        try:
            next(parsing)
        except StopIteration as parsed:
            frames.append(parsed.value)
        except EOFError:
            return frames


@pytest.mark.parametrize("length", LENGTHS)
def test_a_text_frame_of_any_length_is_read_by_another_library(length: int) -> None:
    payload = b"x" * length
    [frame] = read_by_websockets(text_frame(payload))
    assert (frame.opcode, frame.data, frame.fin) == (TEXT, payload, True)
    assert not (frame.rsv1 or frame.rsv2 or frame.rsv3)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_length_is_written_in_the_shortest_way(length: int) -> None:
    header = 2 if length < 126 else 4 if length < 65_536 else 10
    assert len(text_frame(b"x" * length)) == header + length


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_pings_and_pongs_carry_their_payload(opcode: int) -> None:
    [frame] = read_by_websockets(frame_of(opcode, b"abc"))
    assert (frame.opcode, frame.data) == (opcode, b"abc")


@given(st.sampled_from([1000, 1012, 4401, 4509]), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_close_frame_says_code_and_reason(code: int, text: str) -> None:
    [frame] = read_by_websockets(close_frame(code, close_reason(text)))
    assert frame.opcode == CLOSE
    close = Close.parse(frame.data)
    assert (close.code, close.reason) == (code, close_reason(text))


@given(st.lists(st.binary(max_size=300)))
def test_joined_frames_are_read_one_by_one(payloads: list[bytes]) -> None:
    joined = b"".join(text_frame(payload) for payload in payloads)
    assert [frame.data for frame in read_by_websockets(joined)] == payloads
