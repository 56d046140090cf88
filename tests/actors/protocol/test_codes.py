"""The tables of codes, as protocol §3 and §7 list them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.protocol.codes import CLOSE_REASON_MAX_BYTES, CloseCode, ErrorCode, Refusal, close_reason


def test_the_close_codes_are_those_of_the_protocol() -> None:
    ours = {code.value for code in CloseCode if code.value >= 4000}
    assert ours == {4400, 4401, 4403, 4408, 4429, 4509, 4510}
    assert {1000, 1001, 1009, 1011, 1012, 1013} <= {code.value for code in CloseCode}


def test_the_error_codes_are_those_of_the_protocol() -> None:
    assert {code.value for code in ErrorCode} == {
        "bad_json",
        "bad_envelope",
        "bad_version",
        "bad_topic",
        "forbidden",
        "too_many_topics",
        "rate_limited",
        "overloaded",
        "unknown_type",
        "internal",
    }


def test_a_refusal_is_told_as_code_and_message() -> None:
    assert Refusal(ErrorCode.FORBIDDEN, "topic: no").as_data() == {"code": "forbidden", "message": "topic: no"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [("", ""), ("x" * 123, "x" * 123), ("x" * 124, "x" * 123), ("ä" * 62, "ä" * 61), ("😀" * 31, "😀" * 30)],
)
def test_a_close_reason_is_cut_between_characters(text: str, kept: str) -> None:
    assert close_reason(text) == kept


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_close_reason_fits_and_is_a_beginning_of_the_text(text: str) -> None:
    reason = close_reason(text)
    assert len(reason.encode()) <= CLOSE_REASON_MAX_BYTES
    assert text.startswith(reason)
    assert reason == text or len(text.encode()) > CLOSE_REASON_MAX_BYTES
