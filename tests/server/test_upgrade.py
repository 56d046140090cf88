"""Which requests are opening handshakes, and the one answer to them."""

import pytest

from server.upgrade import switching_protocols, upgrade_flaw

HANDSHAKE = {
    "Host": "gateway",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_a_whole_handshake_has_no_flaw() -> None:
    assert upgrade_flaw(HANDSHAKE) is None


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Connection", "keep-alive", 400),
        ("Connection", "", 400),
        ("Sec-WebSocket-Version", "8", 426),
        ("Sec-WebSocket-Version", "", 426),
        ("Sec-WebSocket-Key", "", 400),
        ("Host", "", 400),
    ],
)
def test_a_flaw_has_a_status_and_names_its_header(header: str, value: str, status: int) -> None:
    flaw = upgrade_flaw({**HANDSHAKE, header: value})
    assert flaw is not None
    assert flaw.status == status
    assert header in flaw.rule


def test_the_answer_proves_that_the_key_was_read() -> None:
    """The example of RFC 6455 §1.3."""
    answer = switching_protocols("dGhlIHNhbXBsZSBub25jZQ==", "chat").decode().split("\r\n")
    assert answer[0] == "HTTP/1.1 101 Switching Protocols"
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
    assert "Sec-WebSocket-Protocol: chat" in answer
    assert answer[-2:] == ["", ""]


def test_no_subprotocol_is_named_where_none_was_chosen() -> None:
    assert b"Protocol:" not in switching_protocols("dGhlIHNhbXBsZSBub25jZQ==", None)
